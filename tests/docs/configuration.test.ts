import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import * as Result from "effect/Result";
import { expect, it } from "vitest";
import { readSettings } from "../../adapters/settings/setting.ts";
import { CONFIGURATION, configurationPage, SETTINGS } from "../support/configuration-page.ts";
import { errorsPage } from "../support/errors-page.ts";

const variables = [...CONFIGURATION.values()].flat();

it.each([
  ["configuration", configurationPage()],
  ["errors", errorsPage()],
])("docs/%s.md is what npm run docs writes", (name, made) => {
  const page = readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");
  expect(page).toBe(made);
});

it("every variable is explained once", () => {
  expect(variables.map(({ variable }) => variable).sort()).toEqual([...SETTINGS.keys()].sort());
});

// The one that is left out names a file, which is read when it is decoded.
it.each(variables.filter(({ variable }) => variable !== "JWT_PUBLIC_KEY"))(
  "the example of $variable is accepted as a shell sets it",
  ({ variable, example }) => {
    // What the example reads or makes is beside the point where it is not there.
    const value = execFileSync("sh", ["-c", `${variable}=${example}; printf %s "$${variable}"`], {
      encoding: "utf8",
      cwd: new URL("../../deploy", import.meta.url),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const setting = SETTINGS.get(variable);
    if (setting === undefined) throw new Error("there is no such setting");
    const text = value === "" ? "{}" : value;
    expect(Result.isSuccess(readSettings({ setting }, { [variable]: text })), text).toBe(true);
  },
);

it("every option is one that the package declares", () => {
  const declared = globSync(new URL("../release/api/*.api.md", import.meta.url).pathname)
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
  for (const { option } of variables) {
    if (option === undefined) continue;
    const [, name = ""] = /(\w+)(?: \}\))?$/.exec(option) ?? [];
    expect(declared, option).toMatch(new RegExp(`\\b${name}\\??: `));
  }
});
