// The official parser's word on a document: prints each finding, and ends with 1 when there is any.
// Arguments: the folder of node_modules, the document.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [folder, path] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(path, "utf8"));
for (const found of diagnostics) console.log(found.code, found.path.join("."), found.message);
process.exit(document && diagnostics.length === 0 ? 0 : 1);
