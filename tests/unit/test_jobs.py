"""What a job's slice may rely on, without a store."""

from shared.jobs import with_newest


async def test_a_slice_that_began_with_an_older_wish_is_carried_out_again_with_the_newer_one() -> None:
    wishes, done = iter(["first", "second", "third", "third"]), list[str]()

    async def read() -> str:
        return next(wishes)

    async def work(wish: str) -> str:
        done.append(wish)
        return wish.upper()

    assert await with_newest(read, work) == "THIRD"
    assert done == ["first", "second", "third"]


async def test_a_slice_whose_wish_stands_is_carried_out_once() -> None:
    done: list[int] = []

    async def read() -> int:
        return 1

    async def work(wish: int) -> None:
        done.append(wish)

    await with_newest(read, work)
    assert done == [1]
