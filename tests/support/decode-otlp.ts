// Reads requests of OTLP from protobuf into what OTLP has as JSON, by the wire format and the field
// numbers of opentelemetry-proto 1.x. A field that is not listed, or has another type, is an error.

type Read = (value: Buffer) => unknown;

/** The fields of a message by number: a name, with `[]` where there may be several, and a type. */
type Message = Readonly<Record<number, readonly [name: string, wire: number, read: Read]>>;

const [VARINT, FIXED64, BYTES] = [0, 1, 2];

const text = (name: string) => [name, BYTES, (value: Buffer) => value.toString("utf8")] as const;
const hex = (name: string) => [name, BYTES, (value: Buffer) => value.toString("hex")] as const;
const whole = (name: string) => [name, VARINT, (value: Buffer) => varint(value, 0)[0]] as const;
const flag = (name: string) => [name, VARINT, (value: Buffer) => value[0] === 1] as const;
const double = (name: string) => [name, FIXED64, (value: Buffer) => value.readDoubleLE()] as const;
const fixed = (name: string) =>
  [name, FIXED64, (value: Buffer) => String(value.readBigUInt64LE())] as const;
const message = (name: string, fields: Message) =>
  [name, BYTES, (value: Buffer) => decode(value, fields)] as const;

const ANY_VALUE: Message = {
  1: text("stringValue"),
  2: flag("boolValue"),
  3: whole("intValue"),
  4: double("doubleValue"),
};
const ATTRIBUTES = message("attributes[]", { 1: text("key"), 2: message("value", ANY_VALUE) });
const SCOPE = message("scope", { 1: text("name"), 2: text("version") });
const RESOURCE = message("resource", { 1: ATTRIBUTES });

/** What is sent of one signal: resources, their scopes, and what those hold. */
const signal = (resources: string, scopes: string, items: string, fields: Message): Message => ({
  1: message(`${resources}[]`, {
    1: RESOURCE,
    2: message(`${scopes}[]`, { 1: SCOPE, 2: message(`${items}[]`, fields) }),
  }),
});

const NUMBERS = message("dataPoints[]", {
  2: fixed("startTimeUnixNano"),
  3: fixed("timeUnixNano"),
  4: double("asDouble"),
  6: fixed("asInt"),
  7: ATTRIBUTES,
});

const SIGNALS: Readonly<Record<string, Message>> = {
  traces: signal("resourceSpans", "scopeSpans", "spans", {
    1: hex("traceId"),
    2: hex("spanId"),
    3: text("traceState"),
    4: hex("parentSpanId"),
    5: text("name"),
    6: whole("kind"),
    7: fixed("startTimeUnixNano"),
    8: fixed("endTimeUnixNano"),
    9: ATTRIBUTES,
    15: message("status", { 2: text("message"), 3: whole("code") }),
  }),
  metrics: signal("resourceMetrics", "scopeMetrics", "metrics", {
    1: text("name"),
    2: text("description"),
    3: text("unit"),
    5: message("gauge", { 1: NUMBERS }),
    7: message("sum", { 1: NUMBERS, 2: whole("aggregationTemporality"), 3: flag("isMonotonic") }),
    9: message("histogram", {
      1: message("dataPoints[]", {
        2: fixed("startTimeUnixNano"),
        3: fixed("timeUnixNano"),
        4: fixed("count"),
        5: double("sum"),
        6: fixed("bucketCounts[]"),
        7: double("explicitBounds[]"),
        9: ATTRIBUTES,
        11: double("min"),
        12: double("max"),
      }),
      2: whole("aggregationTemporality"),
    }),
  }),
};

/** Decodes the body of a request to `…/v1/traces` or `…/v1/metrics`. */
export const decodeOtlp = (path: string, body: Buffer) =>
  decode(body, SIGNALS[path.slice(path.lastIndexOf("/") + 1)] ?? {});

function decode(bytes: Buffer, fields: Message): Readonly<Record<string, unknown>> {
  const decoded: Record<string, unknown> = {};
  for (let at = 0; at < bytes.length;) {
    const [tag, start] = varint(bytes, at);
    const [name, wire, read] = fields[tag >> 3] ?? [];
    if (name === undefined || read === undefined || wire !== (tag & 7)) {
      throw new Error(`field ${tag >> 3} of wire type ${tag & 7} is not one of OTLP's here`);
    }
    const [length, from] =
      wire === BYTES ? varint(bytes, start) : [wire === FIXED64 ? 8 : 0, start];
    at = wire === VARINT ? varint(bytes, start)[1] : from + length;
    if (at > bytes.length) throw new Error(`${name} ends after its message`);
    const value = read(bytes.subarray(from, at));
    if (!name.endsWith("[]")) decoded[name] = value;
    else decoded[name.slice(0, -2)] = [...((decoded[name.slice(0, -2)] as []) ?? []), value];
  }
  return decoded;
}

/** A number in groups of seven bits, the lowest first, and where what follows begins. */
function varint(bytes: Buffer, at: number): readonly [value: number, next: number] {
  let value = 0;
  for (let next = at; ; next++) {
    const byte = bytes[next];
    if (byte === undefined) throw new Error("a number ends after its message");
    value += (byte & 127) * 2 ** (7 * (next - at));
    if (byte < 128) return [value, next + 1];
  }
}
