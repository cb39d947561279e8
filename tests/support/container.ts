import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { installTools } from "./tools.ts";

export interface ContainerRequest {
  /** Its name with the version; built from a Dockerfile in `folder`, or else pulled. */
  readonly image: string;
  readonly folder?: string;
  /** Inside the container, where HTTP is answered. */
  readonly port: number;
  /** Answered with success once the server is ready. */
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
}

export type StartContainer = (
  request: ContainerRequest,
) => Promise<{ readonly address: string; readonly stop: () => Promise<void> }>;

/** Removes what a killed run leaves; where it cannot be pulled, the label of a run does. */
export const RYUK = "testcontainers/ryuk:0.14.0";

/** Whether a Docker engine answers. */
export const hasDocker = (): Promise<boolean> =>
  promisify(execFile)("docker", ["version"]).then(
    () => true,
    () => false,
  );

/** Starts a server in a container, on a free port of the loopback address, and waits until it answers. */
export const startContainer: StartContainer = async (request) => {
  await installTools("containers");
  // By its address: the root's types know nothing of what the suite installs.
  const suite = new URL("../containers/start-container.ts", import.meta.url).href;
  const start: { readonly startContainer: StartContainer } = await import(suite);
  return start.startContainer(request);
};
