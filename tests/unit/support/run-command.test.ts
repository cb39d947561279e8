import { expect, it } from "vitest";
import { runCommand } from "../../support/run-command.ts";

it.each([
  [["sh", "-c", "exit 7"], "sh -c exit 7: exit code 7\n"],
  [["sh", "-c", "echo why >&2; exit 1"], "sh -c echo why >&2; exit 1: exit code 1\nwhy\n"],
  [["sh", "-c", "kill -9 $$"], "sh -c kill -9 $$: SIGKILL\n"],
  [["no-such-command"], "no-such-command : spawn no-such-command ENOENT\n"],
])("a command that fails says how it ended: %j", async (command, says) => {
  const { message } = await runCommand(command).then(
    () => new Error("it did not fail"),
    (cause: Error) => cause,
  );
  expect(message).toBe(says);
});
