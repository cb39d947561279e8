/**
 * Variables for a command that is to see nothing of `env` but where Docker's engine is: on another
 * machine or socket, `DOCKER_HOST`, `DOCKER_CONTEXT` and their like say so.
 */
export const dockerEnvironment = (
  env: Readonly<Record<string, string | undefined>> = process.env,
): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(
    Object.entries(env).filter(([name]) => /^(?:PATH|HOME|XDG_CONFIG_HOME|DOCKER_.+)$/.test(name)),
  );
