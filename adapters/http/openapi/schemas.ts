import * as Arr from "effect/Array";
import * as JsonSchema from "effect/JsonSchema";
import * as Schema from "effect/Schema";
import * as SchemaRepresentation from "effect/SchemaRepresentation";

/** JSON, as far as it is looked at here. */
export type Json = Readonly<Record<string, unknown>>;

/** What JSON Schema knows and Effect leaves to annotations, where no check is to be added. */
const KEYWORDS: ReadonlySet<string> = new Set([
  "maxItems",
  "minItems",
  "pattern",
  "properties",
  "required",
]);

/** Schemas as OpenAPI 3.1 has them: each one asked for, and those that have a name. */
export function toOpenapi(schemas: ReadonlyArray<Schema.Constraint>): {
  readonly of: ReadonlyMap<Schema.Constraint, Json>;
  readonly named: Json;
} {
  const asked = Arr.dedupe(schemas);
  if (!Arr.isReadonlyArrayNonEmpty(asked)) return { of: new Map(), named: {} };
  const { schemas: written, definitions } = JsonSchema.toMultiDocumentOpenApi3_1(
    SchemaRepresentation.toJsonSchemaMultiDocument(
      SchemaRepresentation.toRepresentations(
        Arr.map(asked, (schema) => Schema.toEncoded(schema).ast),
      ),
      // As requests are decoded.
      { onExcessProperty: "error", includeAnnotationKey: (key) => KEYWORDS.has(key) },
    ),
  );
  return { of: new Map(Arr.zip(asked, written)), named: definitions };
}
