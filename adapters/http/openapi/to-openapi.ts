import { snakeCase } from "../../values/names.ts";
import * as JsonSchema from "effect/JsonSchema";
import * as Schema from "effect/Schema";
import * as SchemaRepresentation from "effect/SchemaRepresentation";

/** Converts a schema to OpenAPI, in the forms that generators of clients read. */
export const toOpenapi = (schema: Schema.Constraint) =>
  asWritten(
    JsonSchema.toMultiDocumentOpenApi3_1(
      SchemaRepresentation.toJsonSchemaMultiDocument(
        SchemaRepresentation.toRepresentations([Schema.toEncoded(schema).ast]),
        // As in the decoding of requests.
        { onExcessProperty: "error", includeAnnotationKey: (key) => KEYWORDS.has(key) },
      ),
    ),
  );

/** Keywords of JSON Schema that annotations add, since no check has them. */
const KEYWORDS = new Set(["maxItems", "minItems", "pattern", "properties", "required", "type"]);

/** Names members in a text as on the wire. */
export const inSnakeCase = (text: string): string =>
  text.replaceAll(/`[a-z]+[A-Z]\w*`/g, snakeCase);

/** Makes numbers integers and unions exclusive, since the API has no others, and names descriptions as on the wire. */
const asWritten = <A>(written: A): A =>
  JSON.parse(JSON.stringify(written), (name, value) => {
    if (name === "description" && typeof value === "string") return inSnakeCase(value);
    if (value?.anyOf !== undefined) {
      const { anyOf: oneOf, ...others } = value;
      return { ...others, oneOf };
    }
    if (value?.type !== "number" && value?.type !== "integer") return value;
    const { maximum = Infinity, enum: [largest] = [maximum] } = value;
    return { ...value, type: "integer", ...(largest < 2 ** 31 ? {} : { format: "int64" }) };
  });
