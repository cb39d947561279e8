import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import { ByteSize } from "../../../domain/byte-size.ts";
import { compareWithReceipt } from "../../../domain/upload-difference.ts";
import { PNG } from "../../contract/sending/uploads.ts";
import { errorReason } from "../../values/thrown.ts";
import { BYTES, check } from "./doctor.ts";

export const ALLOW = "allow the service's key what `valetkey policy service` prints";
const PASS_HEADERS =
  "set STORAGE_PROVIDER to the store that this is, or to s3; and let the proxy in front of it change no header of requests and of answers";

/** Looks at an upload with a checksum, as confirming does. */
export const confirm = check("confirm", function* (doctor, report) {
  const { store, checksummed } = doctor;
  const failed = (seen: string, mend: string) =>
    report.failed(seen, "No upload is confirmed, or each differs from its grant.", mend);
  const { key, ...signed } = yield* doctor.signPut(doctor.checksummed);
  const { ok, told } = yield* doctor.put(signed);
  const looked = yield* Effect.result(store.head(key));
  if (!ok) failed(`a PUT with a checksum was refused (${told})`, PASS_HEADERS);
  else if (looked._tag === "Failure") failed(errorReason(looked.failure), ALLOW);
  else if (Option.isNone(looked.success)) failed("an accepted upload is not found", ALLOW);
  else {
    const granted = {
      size: ByteSize.make(BYTES.length),
      contentType: PNG,
      writeOnce: false,
      ...checksummed,
    };
    const differences = compareWithReceipt(granted, looked.success.value)
      .map(({ property, expected, actual }) => `${property} is ${actual}, granted was ${expected}`)
      .join("; ");
    if (differences === "") report.passed("an upload is seen as it was granted");
    else failed(`an upload is seen otherwise than it was granted: ${differences}`, PASS_HEADERS);
  }
});
