import { examine, Unexamined } from "../../contract/running/examine.ts";
import { PROMISES, standsOn } from "../../contract/promises/promises.ts";
import { interruptible } from "../command/interruptible.ts";
import { showProgress } from "../command/output.ts";
import type { CertifiedStore } from "./certified-store.ts";

/** Tries what every store must keep, and returns what it does not, or why that is not known. */
export async function whatIsBroken({
  store,
  untrusted,
}: CertifiedStore): Promise<string | undefined> {
  const promises = PROMISES.filter(({ title }) => standsOn.every.includes(title));
  try {
    const { findings, ended } = await interruptible((signal) =>
      examine({
        store,
        untrusted,
        promises,
        signal,
        onFinding: ({ promise, outcome }, { done, of }) =>
          showProgress(`${done}/${of} ${outcome}: ${promise}`),
      }),
    );
    const broken = findings.filter(({ outcome }) => outcome === "broken");
    const each = broken.map(({ promise, why }) => `\n  ${promise}: ${why}`).join("");
    return ended ?? (each || undefined);
  } catch (cause) {
    if (cause instanceof Unexamined) return cause.message;
    throw cause;
  } finally {
    showProgress("");
  }
}
