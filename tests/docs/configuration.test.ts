import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { settings } from "../../adapters/service/settings.ts";
import { readSettings } from "../../adapters/settings/setting.ts";
import { variables } from "../../adapters/settings/source.ts";
import { CONFIGURATION, configurationPage, exampleOf } from "../support/configuration-page.ts";
import { errorsPage } from "../support/errors-page.ts";

const explained = [...CONFIGURATION.values()].flat();

it.each([
  ["configuration", configurationPage()],
  ["errors", errorsPage()],
])("docs/%s.md is what npm run generate writes", (name, made) => {
  const page = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");
  expect(page).toBe(made);
});

it("every variable is explained once", () => {
  const known = new Set(settings.map(({ variable }) => variable));
  expect(explained.map(({ variable }) => variable).sort()).toEqual([...known].sort());
});

// The one that is left out names a file, which is read when it is decoded.
it.each(explained.filter(({ variable }) => variable !== "JWT_PUBLIC_KEY"))(
  "the example of $variable is accepted as a shell sets it",
  (setting) => {
    const { variable } = setting;
    // What the example reads or makes is beside the point where it is not there.
    const command = `${variable}=${exampleOf(setting)}; printf %s "$${variable}"`;
    const value = execFileSync("sh", ["-c", command], {
      encoding: "utf8",
      cwd: new URL("../../deploy", import.meta.url),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const text = value === "" ? "{}" : value;
    const read = readSettings({ setting }, variables({ [variable]: text }));
    expect(Result.isSuccess(read), text).toBe(true);
  },
);

it("every option is one that the package declares", () => {
  const declared = globSync(new URL("../release/api/*.api.md", import.meta.url).pathname)
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  for (const { option } of explained) {
    if (option === undefined) continue;
    expect(declared, option).toMatch(new RegExp(`\\b${option.split(".").at(-1)}\\??: `));
  }
});
