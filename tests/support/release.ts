/** What is asked of a release, before anything is published. */
interface Release {
  /** Of git, such as `v1.2.3`. */
  readonly tag: string;
  /** Where it is released from, such as `owner/name`. */
  readonly repository: string;
  readonly manifest: { readonly version: string; readonly repository: { readonly url: string } };
  readonly changelog: string;
  /** The repository that a package of our names on npm says it is of; undefined if there is none. */
  readonly published: string | undefined;
}

/** Why a release cannot be made: sentences for who makes it, or none. */
export function faultsOf({
  tag,
  repository,
  manifest,
  changelog,
  published,
}: Release): ReadonlyArray<string> {
  const { version } = manifest;
  const { url } = manifest.repository;
  return [
    ...(tag === `v${version}`
      ? []
      : [
          `The tag is ${tag}, and package.json's version ${version}: tag v${version}, or set the version.`,
        ]),
    ...(sectionsOf(changelog)[0]?.version === version
      ? []
      : [
          `CHANGELOG.md does not begin with "## ${version} - YYYY-MM-DD": move what is unreleased under it.`,
        ]),
    ...(url === `git+https://github.com/${repository}.git`
      ? []
      : [
          `package.json says that the repository is ${url}, and npm accepts a statement of provenance from git+https://github.com/${repository}.git alone: write that there.`,
        ]),
    ...(published === undefined || published === url
      ? []
      : [
          `A package of our names on npm is of ${published}, and is not ours: ask npm for the name, or choose another, and let no page name it.`,
        ]),
  ];
}

/** A version that the changelog tells of, with its day. */
export interface Section {
  readonly version: string;
  readonly day: string;
}

/** The versions in a changelog, as it has them: the newest first. Throws for a heading of neither kind. */
export const sectionsOf = (changelog: string): ReadonlyArray<Section> =>
  [...changelog.matchAll(/^## (.*)$/gm)].flatMap(([, heading = ""]) => {
    if (heading === "Unreleased") return [];
    const [, version, day] = HEADING.exec(heading) ?? [];
    if (version === undefined || day === undefined) {
      throw new Error(`"## ${heading}" is neither "## Unreleased" nor as "## 1.2.3 - 2026-01-31"`);
    }
    return [{ version, day }];
  });

/**
 * What the changelog says of a version, or of what is unreleased where it does not tell of it yet,
 * with links to `pages`, such as `https://github.com/owner/name/blob/v1.2.3`.
 */
export function notesOf(changelog: string, version: string, pages: string): string {
  const sections = changelog.split(/^(?=## )/m);
  const of = (heading: string) => sections.find((section) => section.startsWith(`## ${heading}`));
  const [, ...lines] = (of(`${version} - `) ?? of("Unreleased") ?? "").split("\n");
  return `${lines
    .join("\n")
    .trim()
    .replaceAll(/\]\((?![a-z]+:|#)/g, `](${pages}/`)}\n`;
}

const HEADING = /^(\d+\.\d+\.\d+(?:-[\w.-]+)?) - (\d{4}-\d{2}-\d{2})$/;
