import * as DateTime from "effect/DateTime";
import * as Effect from "effect/Effect";
import { expect, it, vi } from "vitest";
import { FilePath } from "../../../domain/file-path.ts";
import { layer } from "../../../adapters/telemetry/audit.ts";
import { Audit, type AuditEvent } from "../../../application/ports/audit.ts";
import { until } from "../../support/until.ts";

const eventOf = (requestId: string): AuditEvent => ({
  at: DateTime.makeUnsafe(0),
  action: "presign",
  refusal: undefined,
  address: undefined,
  requestId,
});

/** The lines on a standard stream for these events. */
async function linesFor(
  events: ReadonlyArray<AuditEvent>,
  withMetadata?: boolean,
  to: "stdout" | "stderr" = "stdout",
) {
  const write = vi.spyOn(process[to], "write").mockReturnValue(true);
  try {
    await Effect.forEach(events, (event) => Audit.use((tell) => tell(event))).pipe(
      Effect.provide(layer(to, withMetadata)),
      Effect.runPromise,
    );
    await until("the lines", () => write.mock.calls.length > 0);
    const text = write.mock.calls.map(([written]) => String(written)).join("");
    return text.trimEnd().split("\n");
  } finally {
    write.mockRestore();
  }
}

const parse = (line: string) => JSON.parse(line) as Readonly<Record<string, unknown>>;

it.each([
  [true, { album: "7" }],
  [false, undefined],
])(
  "the audit has the metadata and the path of uploads if it is asked for (%s)",
  async (withMetadata, metadata) => {
    const path = FilePath.make("holidays/a.png");
    const event = { ...eventOf("1"), metadata: { album: "7" }, path };
    const [line = ""] = await linesFor([event], withMetadata);
    expect(parse(line)["metadata"]).toEqual(metadata);
    expect(parse(line)["path"]).toBe(withMetadata ? path : undefined);
  },
);

it("the audit goes to standard error too, apart from the log", async () => {
  const lines = await linesFor([eventOf("1"), eventOf("2")], false, "stderr");
  expect(lines.map((line) => parse(line)["request_id"])).toEqual(["1", "2"]);
});

it("the audit has all facts of a decision, in the order of the decisions", async () => {
  const facts = {
    principal: { kind: "user", subject: "alice" },
    slug: "acme",
    organization: "org_1",
    policy: "files",
    key: "orgs/org_1/files/2026/11/5007cd59-14b0-4a8f-9bfa-7debee4b183d.png",
    size: 5,
    contentType: "image/png",
    address: "203.0.113.9",
  };
  const lines = await linesFor([
    { ...eventOf("1"), ...facts, traceId: "4bf92f3577b34da6a3ce929d0e0e4736" } as AuditEvent,
    {
      ...eventOf("2"),
      ...facts,
      refusal: "UPLOAD_REFUSED_BY_SCAN",
      finding: "Eicar-Test",
    } as AuditEvent,
  ]);
  const { principal, contentType, ...others } = facts;
  const same = {
    ...others,
    ...principal,
    time: "1970-01-01T00:00:00.000Z",
    audit: "presign",
    content_type: contentType,
  };
  expect(lines.map(parse)).toEqual([
    {
      ...same,
      decision: "granted",
      request_id: "1",
      trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    },
    {
      ...same,
      decision: "refused",
      code: "UPLOAD_REFUSED_BY_SCAN",
      finding: "Eicar-Test",
      request_id: "2",
    },
  ]);
});

it("the audit has each event on one line, whatever the caller's name", async () => {
  const subjects = ['a"b', "a\nb", "a\u2028b", "</script>", "{}", "ü 用户 😀"];
  const lines = await linesFor(
    subjects.map((subject) => ({ ...eventOf("id"), principal: { kind: "user", subject } })),
  );
  expect(lines.map((line) => parse(line)["subject"])).toEqual(subjects);
});
