import { readFileSync } from "node:fs";
import { notesOf } from "./release.ts";

// `node tests/support/release-notes.ts` prints the notes of the version in package.json.

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");

const { version, repository } = JSON.parse(read("package.json"));
const [address] = /https:.*(?=\.git$)/.exec(repository.url) ?? [];
process.stdout.write(notesOf(read("CHANGELOG.md"), version, `${address}/blob/v${version}`));
