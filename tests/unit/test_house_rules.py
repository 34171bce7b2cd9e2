"""Rules of the house that no general lint knows, read from the code itself."""

import ast
from collections.abc import Iterator
from typing import TypeGuard

from deploy.local.layout import REPOSITORY

EDGES = ("queries.py", "operations.py", "routes.py")
ASKS = frozenset(
    {
        "aggregate",
        "count_documents",
        "delete_many",
        "delete_one",
        "distinct",
        "find",
        "find_one",
        "find_one_and_delete",
        "find_one_and_update",
        "update_many",
        "update_one",
    }
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def unscoped_queries(tree: ast.Module) -> Iterator[int]:
    """The lines where a function that has a caller at hand asks the store by a condition written out.

    Only `all_of` makes a query from a scope, so that a condition can narrow it but never replace a part of it. Who is
    let see everything says so: `all_of(EVERYTHING, …)`.
    """
    for function in ast.walk(tree):
        if isinstance(function, Function) and _has_caller(function):
            literals = _names_of_literals(function)
            for call in ast.walk(function):
                if _asks(call) and any(_is_literal(condition, literals) for condition in _conditions(call)):
                    yield call.lineno


def _has_caller(function: Function) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return any(one.annotation is not None and "Caller" in ast.unparse(one.annotation) for one in arguments)


def _asks(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKS


def _names_of_literals(function: Function) -> set[str]:
    return {
        target.id
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _conditions(call: ast.Call) -> Iterator[ast.expr]:
    """The condition of a query, or those of a pipeline."""
    for argument in call.args[:1]:
        yield argument
        for part in ast.walk(argument) if isinstance(argument, ast.List) else ():
            if isinstance(part, ast.Dict):
                stages = zip(part.keys, part.values, strict=True)
                yield from (value for key, value in stages if isinstance(key, ast.Constant) and key.value == "$match")


def _is_literal(condition: ast.expr, literals: set[str]) -> bool:
    return isinstance(condition, ast.Dict) or (isinstance(condition, ast.Name) and condition.id in literals)


def test_whoever_asks_for_a_caller_makes_the_query_of_a_scope() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in sorted((REPOSITORY / "services").rglob("*.py"))
        if path.name in EDGES
        for line in unscoped_queries(ast.parse(path.read_text()))
    ]
    assert not found, "make these queries by all_of(scope, …)"


def test_the_rule_finds_a_scope_that_is_merged_by_hand() -> None:
    code = """
async def read(deps: Service, caller: Caller, ticket_id: str) -> None:
    await tickets.find_one({**visible(caller), "_id": ticket_id})
    query = {"_id": ticket_id}
    await tickets.find(query)
    await tickets.aggregate([{"$match": {"_id": ticket_id}}, {"$count": "n"}])
    await tickets.find_one(all_of(visible(caller), {"_id": ticket_id}))
    await tickets.aggregate([{"$match": all_of(visible(caller))}])

async def by_itself(deps: Service, ticket_id: str) -> None:
    await tickets.find_one({"_id": ticket_id})
"""
    assert list(unscoped_queries(ast.parse(code))) == [3, 5, 6]
