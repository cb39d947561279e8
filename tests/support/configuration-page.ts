import { readFileSync } from "node:fs";
import * as audit from "../../adapters/telemetry/audit.ts";
import { inShell } from "../../adapters/cli/command/configuration.ts";
import * as events from "../../adapters/events/settings.ts";
import * as cdn from "../../adapters/delivery/cdn/settings.ts";
import * as images from "../../adapters/delivery/images/settings.ts";
import * as http from "../../adapters/http/settings.ts";
import * as forward from "../../adapters/identity/forward.ts";
import * as jwt from "../../adapters/identity/jwt-settings.ts";
import * as identity from "../../adapters/identity/settings.ts";
import * as redis from "../../adapters/redis/settings.ts";
import * as limits from "../../adapters/limits/settings.ts";
import * as scanner from "../../adapters/content/settings.ts";
import { snakeCase } from "../../adapters/values/names.ts";
import * as policies from "../../adapters/service/policies/settings.ts";
import { directory } from "../../adapters/settings/directory.ts";
import * as envFiles from "../../adapters/settings/env-files.ts";
import { anyOf, type Setting, settingsIn } from "../../adapters/settings/setting.ts";
import { say, VARIABLES } from "../../adapters/settings/source.ts";
import * as aws from "../../adapters/storage/aws/storage.ts";
import { keySettings } from "../../adapters/storage/credentials/key-settings.ts";
import * as azure from "../../adapters/storage/azure/settings.ts";
import * as gcs from "../../adapters/storage/gcs/settings.ts";
import { adapter, bucket, STORE_NAMES } from "../../adapters/storage/settings.ts";
import { ownerSettings } from "../../adapters/storage/untrusted.ts";
import * as stores from "../../adapters/storage/several/settings.ts";
import * as telemetry from "../../adapters/telemetry/log.ts";
import * as metrics from "../../adapters/telemetry/metrics-settings.ts";
import * as traces from "../../adapters/telemetry/traces/settings.ts";
import * as tokens from "../../adapters/tokens/settings.ts";
import { UploadPolicy } from "../../domain/upload-policy.ts";

type Group = ReadonlyArray<Setting<unknown>>;

const byToken: ReadonlySet<Setting<unknown>> = new Set([
  ...Object.values(jwt.settings),
  ...Object.values(forward.settings),
]);

/** All settings, by group. */
export const CONFIGURATION: ReadonlyMap<string, Group> = new Map<string, Group>([
  [
    "Service",
    [http, telemetry, audit, envFiles].flatMap(({ settings }) =>
      Object.values<Setting<unknown>>(settings),
    ),
  ],
  ["Metrics and traces", [metrics, traces].flatMap(({ settings }) => settingsIn(settings))],
  [
    "Storage",
    [
      adapter,
      directory,
      bucket,
      aws.settings.createBucket,
      aws.settings.region,
      aws.settings.endpoint,
      aws.settings.publicEndpoint,
      aws.settings.pathStyle,
    ],
  ],
  [
    "Credentials",
    [
      ...Object.values(keySettings),
      aws.settings.role,
      aws.settings.putRole,
      aws.settings.getRole,
      aws.settings.credentialsRole,
      ...Object.values(ownerSettings),
    ],
  ],
  [
    "Amazon S3 and other providers",
    [
      aws.settings.provider,
      aws.settings.certificate,
      aws.settings.acceptBroken,
      aws.settings.account,
      aws.settings.externalId,
      aws.settings.signer,
    ],
  ],
  [
    "Google Cloud Storage",
    [
      gcs.settings.applicationCredentials,
      gcs.settings.credentials,
      gcs.settings.customDomain,
      gcs.settings.iamEndpoint,
    ],
  ],
  [
    "Azure Blob Storage",
    [azure.settings.tenantId, azure.settings.clientId, azure.settings.clientSecret],
  ],
  ["Several stores", Object.values(stores.settings)],
  ["The policy files", Object.values(policies.settings)],
  ["Who may call", identity.settings.filter((setting) => !byToken.has(setting))],
  ["JSON Web Tokens", Object.values(jwt.settings)],
  ["A trusted proxy", Object.values(forward.settings)],
  ["Scanner", Object.values(scanner.settings)],
  ["A CDN", Object.values(cdn.settings)],
  ["Pictures in a size", Object.values(images.settings)],
  ["Events", Object.values(events.settings)],
  ["Limits", [...Object.values(limits.settings), ...Object.values(redis.settings)]],
  ["Receipts and links", [tokens.settings.keys]],
]);

/** The whole page, as it is in docs/configuration.md. */
export const configurationPage = (): string =>
  `${OPENING}\n${[...CONFIGURATION].map(([group, settings]) => sectionOf(group, settings)).join("\n")}\n${membersOfPolicies()}`;

/** The members of a policy, with the doc comments of their declaration. */
function membersOfPolicies(): string {
  const source = readFileSync(new URL("../../domain/upload-policy.ts", import.meta.url), "utf8");
  const rows = Object.keys(UploadPolicy.fields).map((member) => {
    const [, comment = ""] =
      new RegExp(`/\\*\\*((?:(?!\\*/).)*)\\*/\\s+readonly ${member}\\?: `, "s").exec(source) ?? [];
    const meaning = comment.replaceAll(/\s*\n\s*\*\s*/g, " ").trim();
    const option = snakeCase(member) === member ? "" : ` (\`${member}\`)`;
    return `- **\`${snakeCase(member)}\`**${option}: ${meaning.replaceAll(/`\w+`/g, nameForOperators)}`;
  });
  return `## Members of a policy\n\n${MEMBERS}\n${rows.join("\n")}\n`;
}

/** The variable of an option, or the member of a document. */
const nameForOperators = (option: string): string => {
  const setting = [...CONFIGURATION.values()]
    .flat()
    .find((each) => `\`${each.option}\`` === option);
  return setting === undefined ? snakeCase(option) : `\`${setting.variable}\``;
};

const MEMBERS = `For \`STORAGE_POLICIES\`, and as options for \`policy\` and \`policies\`: see [policies](policies.md). What a policy leaves out is as in \`files\`.
`;

const OPENING = `# Configuration

The service reads environment variables once, at its start: restart it to change them, which interrupts no upload to a bucket. An empty variable counts as unset. A wrong one ends the start with code 78 and a message that names every variable at fault. So does a name that is nearly one of these, if that one is not set, and a removed one that kept something closed.

The name in parentheses is the option of the package: those of a store go to ${anyOf(STORE_NAMES.map((name) => `\`${name}()\``))}, of events to \`events()\`, of Redis to \`redis()\`, all others to \`createValetkey()\`. On and off are \`true\` and \`false\` there, and lists are arrays.

Without a default, a variable is unset or off. A value or example that several variables of a section share is given once. \`npm run generate\` makes this page from the code.
`;

function sectionOf(group: string, settings: Group): string {
  const values = settings.map(({ shape }) => say(shape, VARIABLES));
  const items = settings.map((setting, index) => {
    const value = values[index] ?? "";
    const standard =
      setting.otherwise ?? (setting.fallback === undefined ? "" : valueOf(setting.fallback.value));
    const example = exampleOf(setting);
    const isSaid =
      [value, standard].some((text) => text.includes(example.replaceAll(/["']/g, ""))) ||
      settings.slice(0, index).some((earlier) => exampleOf(earlier) === example);
    return [
      `- **\`${setting.variable}\`**${setting.option === undefined ? "" : ` (\`${setting.option}\`)`}: ${setting.meaning}`,
      // What several settings of a group have in common is said of the first.
      ...(values.indexOf(value) === index && (isSaid || saysMore(value))
        ? [`Value: ${value}.`]
        : []),
      ...(/^(?:no |nothing |$)/.test(standard) ? [] : [`Default: ${standard}.`]),
      ...(isSaid ? [] : [`Example: \`${example}\`.`]),
    ].join(" ");
  });
  return `## ${group}\n\n${items.join("\n")}\n`;
}

/** Tells whether a shape has a choice, a bound or a list, which no example shows. */
const saysMore = (shape: string): boolean => /\d| or |separated/.test(shape);

/** An example as a shell takes it. */
export const exampleOf = ({ example }: Setting<unknown>): string =>
  inShell(say(example, VARIABLES));

/** A default value as a variable has it. */
function valueOf(value: unknown): string {
  if (value === undefined || value === "") return "";
  return `\`${typeof value === "boolean" ? (value ? "on" : "off") : String(value)}\``;
}
