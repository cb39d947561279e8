import * as Schema from "effect/Schema";
import { styleText } from "node:util";
import { HttpOrigin } from "../settings/codecs.ts";
import { asJson, command, EXIT, JSON_OPTION } from "./command.ts";
import type { Finding } from "./doctor/finding.ts";

/** Examines the configured store, and says what is wrong and what mends it. */
export const doctor = command({
  name: "doctor",
  summary: "Examine the configured store: what works, what does not, and what mends it",
  options: {
    origin: {
      value: "ORIGIN",
      shape: "the origin of a page that uploads, such as https://app.example.com",
      note: "CORS_ORIGINS if left out; may be repeated",
      isRepeatable: true,
    },
    ...JSON_OPTION,
  },
  schema: Schema.Struct({
    origin: Schema.optionalKey(Schema.NonEmptyArray(HttpOrigin)),
    json: Schema.optionalKey(Schema.Boolean),
  }),
  run: async ({ origin = [], json = false }) => {
    // What examines is loaded for this command alone.
    const { runDoctor } = await import("./doctor/run.ts");
    const isSeen = json && process.stderr.isTTY;
    const report = await runDoctor(process.env, {
      origins: origin.map((url) => url.origin),
      onStart: (store) => (json ? undefined : process.stdout.write(`${store}\n\n`)),
      tell: json
        ? ({ check, verdict }) => isSeen && process.stderr.write(`${check}: ${verdict}\n`)
        : (finding) => process.stdout.write(lineOf(finding)),
    });
    const { store, findings } = report;
    const count = (verdict: Finding["verdict"]) =>
      findings.filter((finding) => finding.verdict === verdict).length;
    const failures = count("failed");
    return {
      result: json
        ? asJson({ store, findings })
        : `\n${count("passed")} passed, ${failures} failed, ${count("could not tell")} could not tell\n`,
      code: failures > 0 ? EXIT.failure : 0,
    };
  },
});

const STYLES = {
  passed: ["green", "passed"],
  failed: ["red", "FAILED"],
  "could not tell": ["yellow", "could not tell"],
} as const;

/** A finding as a person reads it; colours only on a terminal, and not where NO_COLOR is set. */
function lineOf({ check, verdict, seen, why, mend }: Finding): string {
  const [colour, word] = STYLES[verdict];
  const label = styleText(colour, word.padEnd(14));
  const notes = [why && `Why:  ${why}`, mend && `Mend: ${mend}`].flatMap((note) =>
    note === undefined ? [] : [`${" ".repeat(16)}${note}\n`],
  );
  return `${label}  ${check}: ${seen}.\n${notes.join("")}`;
}
