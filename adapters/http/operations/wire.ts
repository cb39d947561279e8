import * as Schema from "effect/Schema";
import * as SchemaAST from "effect/SchemaAST";
import { snakeCase } from "../../values/names.ts";

// Schemas name members in camel case, as calls do. This module converts members and values to the
// names of the wire.

/** Returns a schema whose members, at any depth, are named as on the wire. */
export const wireSchema = (schema: Schema.Constraint): Schema.Constraint =>
  Schema.make(wireAst(schema.ast));

/** Keeps a shared schema shared, so that the OpenAPI document names it once. */
const known = new WeakMap<SchemaAST.AST, SchemaAST.AST>();

function wireAst(ast: SchemaAST.AST): SchemaAST.AST {
  const named = known.get(ast) ?? rename(ast);
  known.set(ast, named);
  return named;
}

function rename(ast: SchemaAST.AST): SchemaAST.AST {
  if (renaming(ast, wireNames) === undefined) return ast;
  const { annotations, checks, encoding, context } = ast;
  const rest = [annotations, checks, encoding, context] as const;
  if (SchemaAST.isObjects(ast)) {
    const members = ast.propertySignatures.map(
      ({ name, type }) => new SchemaAST.PropertySignature(snakeCase(String(name)), wireAst(type)),
    );
    return new SchemaAST.Objects(members, ast.indexSignatures, ...rest);
  }
  if (SchemaAST.isArrays(ast)) {
    return new SchemaAST.Arrays(ast.isMutable, ast.elements, ast.rest.map(wireAst), ...rest);
  }
  return SchemaAST.isUnion(ast)
    ? new SchemaAST.Union(ast.types.map(wireAst), ast.options, ...rest)
    : ast;
}

const wireNames = (name: string) => ({ from: name, to: snakeCase(name) });

type Rename = (value: unknown) => unknown;

/** Makes the function that names the members of a value of `schema` as on the wire. */
export const toWire = (schema: Schema.Constraint): Rename =>
  renaming(schema.ast, wireNames) ?? itself;

/** Makes the function that names the members of a value from the wire as `schema` does. */
export const fromWire = (schema: Schema.Constraint): Rename =>
  renaming(schema.ast, (name) => ({ from: snakeCase(name), to: name })) ?? itself;

const itself: Rename = (value) => value;

/** Returns undefined if no member, at any depth, changes its name. Drops undefined members. */
function renaming(
  ast: SchemaAST.AST,
  spell: (name: string) => { readonly from: string; readonly to: string },
): Rename | undefined {
  if (SchemaAST.isArrays(ast)) {
    const [rename] = ast.rest.map((type) => renaming(type, spell));
    return rename && ((items) => (items as ReadonlyArray<unknown>).map(rename));
  }
  const types = SchemaAST.isUnion(ast) ? ast.types : [ast];
  const objects = types.filter(SchemaAST.isObjects);
  if (SchemaAST.isUnion(ast) && objects.length === 0) {
    return types.map((type) => renaming(type, spell)).find((rename) => rename !== undefined);
  }
  // A value of several has the members of one.
  const signatures = objects.flatMap(({ propertySignatures }) => propertySignatures);
  const members = signatures.map(({ name, type }) => ({
    ...spell(String(name)),
    rename: renaming(type, spell),
  }));
  if (members.every(({ from, to, rename }) => from === to && rename === undefined))
    return undefined;
  return (value) => {
    const renamed: Record<string, unknown> = {};
    for (const { from, to, rename } of members) {
      const member = (value as Readonly<Record<string, unknown>>)[from];
      if (member !== undefined) renamed[to] = rename === undefined ? member : rename(member);
    }
    return renamed;
  };
}

/** Converts a JSON Pointer to a member of a call's input to the wire's names. */
export const wirePointer = (pointer: string): string => pointer.split("/").map(snakeCase).join("/");
