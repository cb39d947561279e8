import { isId, type OrganizationId } from "../../../domain/organization.ts";
import { OrganizationSlug } from "../../../domain/organization.ts";
import { read } from "../../identity/organizations.ts";
import { type Env, variables } from "../../settings/source.ts";
import { option } from "./command.ts";
import { orFail } from "./configuration.ts";
import { CommandFailure, EXIT } from "./failure.ts";

/** Makes the option that names an organization. */
export const orgOption = <const More extends object>(more: More) =>
  option("NAME", OrganizationSlug, "a name of ORGANIZATIONS, or the id that is in keys", more);

/** Returns the id of an organization that the option names. */
export function organizationOrFail(env: Env, org: OrganizationSlug): OrganizationId {
  const { table } = orFail(read(variables(env)), "The command cannot run", env);
  const id = table?.get(org) ?? org;
  if (!isId(id)) throw new CommandFailure({ code: EXIT.usage, message: NO_ID });
  return id;
}

const NO_ID = "--org must be a name of ORGANIZATIONS, or the id that is in keys: orgs/{id}/.";
