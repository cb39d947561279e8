import { relative } from "node:path";
import {
  MinimalReporter,
  type TestCase,
  type TestModule,
  type TestSpecification,
} from "vitest/node";

/** The files of a project that are still to come, and what came of the others. */
interface Progress {
  left: number;
  files: number;
  passed: number;
  failed: number;
  skipped: number;
  readonly since: number;
}

/**
 * Prints a line for each project as soon as its last file has ended, and after each failure its
 * reason and the command that runs this test alone.
 */
export default class ProjectReporter extends MinimalReporter {
  readonly #projects = new Map<string, Progress>();

  override onTestRunStart(specifications: ReadonlyArray<TestSpecification>): void {
    super.onTestRunStart(specifications);
    for (const { project } of specifications) this.#progressIn(project.name).left++;
  }

  override onTestCaseResult(test: TestCase): void {
    super.onTestCaseResult(test);
    const { state, errors = [] } = test.result();
    if (state !== "failed") return;
    // An error of our own has a reason in the place of a message.
    const reasons = errors.map(({ message, ["reason"]: reason }) =>
      String(message || reason)
        .replaceAll(/\s+/g, " ")
        .slice(0, 500),
    );
    this.error([`FAIL ${test.fullName}`, ...reasons, commandFor(test)].join("\n  "));
  }

  override onTestModuleEnd(module: TestModule): void {
    super.onTestModuleEnd(module);
    const { name } = module.project;
    const progress = this.#progressIn(name);
    progress.left--;
    progress.files++;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state !== "pending") progress[state]++;
    }
    if (module.state() === "failed" && module.errors().length > 0) progress.failed++;
    if (progress.left === 0) this.log(lineOf(name, progress));
  }

  #progressIn(name: string): Progress {
    const known = this.#projects.get(name);
    if (known !== undefined) return known;
    const fresh = { left: 0, files: 0, passed: 0, failed: 0, skipped: 0, since: Date.now() };
    this.#projects.set(name, fresh);
    return fresh;
  }
}

function lineOf(name: string, { files, passed, failed, skipped, since }: Progress): string {
  const counts = [
    `${passed} passed`,
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  const seconds = Math.round((Date.now() - since) / 1000);
  return `${name.padEnd(10)} ${counts.join(", ")} in ${files} files, ${seconds} s after the start`;
}

function commandFor({ fullName, module, project }: TestCase): string {
  const file = relative(project.config.root, module.moduleId);
  const pattern = fullName.replaceAll(/[\\^$.*+?()[\]{}|'"`]/g, ".");
  return `npm test -- --project ${project.name} ${file} -t '^${pattern}$'`;
}
