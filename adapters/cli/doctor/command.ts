import * as Schema from "effect/Schema";
import { WholeNumber } from "../../settings/codecs.ts";
import { onOneLine } from "../../values/printable.ts";
import { asJson, command, flag, JSON_OPTION, option, ORIGIN_OPTION } from "../command/command.ts";
import { EXIT } from "../../service/failure.ts";
import type { Finding } from "./finding.ts";
import type { Problem } from "./problems.ts";
import { print, tell } from "../../service/output.ts";

export const doctor = command({
  name: "doctor",
  summary: "Examine the configured store: what works, what does not, and what mends it",
  options: {
    ...ORIGIN_OPTION,
    leave: flag("writes scratch objects also where they cannot be removed again"),
    explain: option("URL", Schema.NonEmptyString, "a signed URL that fails, in quotes", {
      note: "says what differs, and examines nothing else",
    }),
    status: option(
      "STATUS",
      WholeNumber({ minimum: 100, maximum: 599 }),
      "the status of the answer, such as 403",
      { note: "for --explain" },
    ),
    body: option("TEXT", Schema.String, "the body of the answer", { note: "for --explain" }),
    method: option(
      "METHOD",
      Schema.String.check(Schema.isPattern(/^[A-Za-z]{1,20}$/)),
      "the method that was sent",
      { note: "for --explain" },
    ),
    header: option(
      "HEADER",
      Schema.String.check(Schema.isPattern(/^[\w-]{1,100}:/)),
      'a header that was sent, such as "Content-Type: image/png"',
      { note: "for --explain; may be repeated", isRepeatable: true },
    ),
    ...JSON_OPTION,
  },
  run: async ({ origin = [], leave = false, explain: url, header, json = false, ...answer }) => {
    if (url !== undefined) {
      const { explain, readSigners } = await import("./explain.ts");
      const sent = header && new Map(header.map(parseHeader));
      const failed = { url, sent, ...answer, now: Date.now(), ...readSigners(process.env) };
      const causes = explain(failed);
      return { result: json ? asJson({ causes }) : causes.map(inLines).join("") };
    }
    // The checks are loaded for this command alone.
    const { runDoctor } = await import("./run.ts");
    const isSeen = json && process.stderr.isTTY;
    const report = await runDoctor(process.env, {
      origins: origin.map((url) => url.origin),
      mayLeave: leave,
      onStart: (store) => (json ? undefined : print(`${store}\n\n`)),
      tell: json ? ({ check, verdict }) => isSeen && tell(`${check}: ${verdict}\n`) : printFinding,
    });
    const { store, findings } = report;
    const count = (verdict: Finding["verdict"]) =>
      findings.filter((finding) => finding.verdict === verdict).length;
    const failures = count("failed");
    const isTried = findings.some(({ check }) => check === "promise");
    const rest = isTried ? "valetkey certify tries what else the store promises.\n" : "";
    return {
      result: json
        ? asJson({ store, findings })
        : `\n${count("passed")} passed, ${failures} failed, ${count("could not tell")} could not tell\n${rest}`,
      code: failures > 0 ? EXIT.failure : 0,
    };
  },
});

const parseHeader = (header: string): readonly [name: string, value: string] => {
  const colon = header.indexOf(":");
  return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
};

const inLines = ({ what, mend }: Problem) =>
  `${what.charAt(0).toUpperCase()}${what.slice(1)}.\n  Mend: ${mend}\n`;

const STYLES = {
  passed: ["green", "passed"],
  failed: ["red", "FAILED"],
  "could not tell": ["yellow", "could not tell"],
} as const;

/** Prints a finding for a person; no words of the store begin a line. */
function printFinding({ check, verdict, seen, why, mend }: Finding): void {
  const [colour, word] = STYLES[verdict];
  const notes = [why && `Why:  ${why}`, mend && `Mend: ${mend}`].flatMap((note) =>
    note === undefined ? [] : [`${" ".repeat(16)}${onOneLine(note)}\n`],
  );
  print(word.padEnd(14), colour);
  print(`  ${check}: ${onOneLine(seen.replace(/\.$/, ""))}.\n${notes.join("")}`);
}
