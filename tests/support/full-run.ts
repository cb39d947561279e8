/**
 * Whether what only a release has to prove is run too, as `.ci/run --full` does for each release and
 * once a week: docs/internals/testing.md has the list.
 */
export const isFullRun = process.env["TEST_FULL"] === "on";
