import { writeFileSync } from "node:fs";
import { configurationPage } from "./configuration-page.ts";
import { errorsPage } from "./errors-page.ts";
import { readStoresPage, storesPage } from "./stores-page.ts";

// `npm run docs`: writes the pages that are made from the code.
const write = (name: string, page: string) =>
  writeFileSync(new URL(`../../docs/${name}.md`, import.meta.url), page);
write("configuration", configurationPage());
write("errors", errorsPage());
write("stores", storesPage(readStoresPage()));
