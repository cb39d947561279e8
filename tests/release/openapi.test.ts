import { createConfig, lintFromString } from "@redocly/openapi-core";
import { expect, it } from "vitest";
import { startProcess } from "../support/service-process.ts";

it("a linter accepts the OpenAPI document", async () => {
  const service = await startProcess();
  const source = await (await fetch(`${service.address}/openapi.json`)).text();
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source, absoluteRef: "openapi.json", config });
  expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
  expect(await service.stop()).toBe(0);
});
