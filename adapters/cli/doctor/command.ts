import { onOneLine } from "../../values/printable.ts";
import { asJson, command, flag, JSON_OPTION, ORIGIN_OPTION } from "../command/command.ts";
import { STORE_OPTION } from "../command/configuration.ts";
import { EXIT } from "../command/failure.ts";
import type { Finding } from "./finding.ts";
import { print, printMessage } from "../command/output.ts";

export const doctor = command({
  name: "doctor",
  summary: "Examine the configured store: what works, what does not, and how to mend it",
  options: {
    ...STORE_OPTION,
    ...ORIGIN_OPTION,
    leave: flag("writes scratch objects also where they cannot be removed again"),
    ...JSON_OPTION,
  },
  run: async ({ store: name, origin = [], leave = false, json = false }) => {
    // The checks are loaded for this command alone.
    const { runDoctor } = await import("./run.ts");
    const isSeen = json && process.stderr.isTTY;
    const report = await runDoctor(process.env, {
      name,
      origins: origin.map((url) => url.origin),
      mayLeave: leave,
      onStart: (store) => (json ? undefined : print(`${store}\n\n`)),
      tell: json
        ? ({ check, verdict }) => isSeen && printMessage(`${check}: ${verdict}\n`)
        : printFinding,
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

/** Prints a finding for a person; no words of the store begin a line. */
export function printFinding({ check, verdict, seen, why, mend }: Finding): void {
  const [colour, word] = STYLES[verdict];
  const notes = [why && `Why:  ${why}`, mend && `Mend: ${mend}`].flatMap((note) =>
    note === undefined ? [] : [`${" ".repeat(16)}${onOneLine(note)}\n`],
  );
  print(word.padEnd(14), colour);
  print(`  ${check}: ${onOneLine(seen.replace(/\.$/, ""))}.\n${notes.join("")}`);
}
