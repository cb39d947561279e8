import * as Schema from "effect/Schema";
import { setTimeout as pause } from "node:timers/promises";
import { onOneLine } from "../../values/printable.ts";
import { asJson, columns, type Output } from "../command/command.ts";
import { EXIT } from "../command/failure.ts";
import { printMessage, showProgress } from "../command/output.ts";
import type { makeAsk } from "./ask.ts";
import { forgetSession } from "./session.ts";

const Completed = Schema.Struct({
  files: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)),
  refused: Schema.Array(
    Schema.Struct({ path: Schema.String, code: Schema.String, detail: Schema.String }),
  ),
  next: Schema.optionalKey(Schema.String),
  retry_after: Schema.optionalKey(Schema.Finite),
});

/** Completes a grant page by page. Its file is removed at the end, and asked with again before. */
export async function complete(
  ask: ReturnType<typeof makeAsk>,
  { grant, file, json }: { readonly grant: string; readonly file: string; readonly json: boolean },
): Promise<Output> {
  process.once("SIGINT", interrupt);
  const files: Array<(typeof Completed.Type)["files"][number]> = [];
  const refused: Array<(typeof Completed.Type)["refused"][number]> = [];
  try {
    for (let next: string | undefined = grant; next !== undefined;) {
      const answer: typeof Completed.Type = await ask(
        "credentials/complete",
        { grant: next },
        Completed,
      );
      files.push(...answer.files);
      refused.push(...answer.refused);
      ({ next } = answer);
      if (process.stderr.isTTY) showProgress(`Completing: ${total(files.length, refused.length)}`);
      if (answer.retry_after !== undefined) await pause(answer.retry_after * 1000);
    }
  } finally {
    process.off("SIGINT", interrupt);
    if (process.stderr.isTTY) showProgress("");
  }
  forgetSession(file);
  const lines = refused.map(({ path, detail }) => onOneLine(`${path}: ${detail}`));
  const rows = files.map(({ path, file_url }) => [String(path), String(file_url)]);
  return {
    result: json ? asJson({ files, refused }) : columns(rows),
    message: [...lines, `${total(files.length, refused.length)}.`].join("\n"),
    code: refused.length > 0 ? EXIT.failure : undefined,
  };
}

function interrupt(): void {
  showProgress("");
  printMessage("Interrupted. Complete it again: nothing is lost, and nothing is done twice.\n");
  process.exit(130);
}

const total = (files: number, refused: number) =>
  `${files} file${files === 1 ? "" : "s"}, ${refused} refused`;
