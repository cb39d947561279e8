import { GenericContainer, getContainerRuntimeClient, ImageName, Wait } from "testcontainers";
import { RYUK, type StartContainer } from "../support/container.ts";

const LOOPBACK = "127.0.0.1";

export const startContainer: StartContainer = async ({
  image,
  folder,
  port,
  path,
  environment,
}) => {
  await chooseRyuk();
  if (folder !== undefined) {
    await GenericContainer.fromDockerfile(folder).build(image, { deleteOnExit: false });
  }
  const started = await new OnLoopback(image)
    .withExposedPorts(port)
    .withEnvironment({ ...environment })
    .withLabels({ "valetkey-test": process.env["TEST_RUN_ID"] ?? "" })
    .withWaitStrategy(Wait.forHttp(path, port))
    .start();
  return {
    address: `${LOOPBACK}:${started.getMappedPort(port)}`,
    stop: async () => void (await started.stop({ removeVolumes: true })),
  };
};

/** Its servers have known keys, so nobody else may reach them: the library binds every interface. */
class OnLoopback extends GenericContainer {
  protected override async beforeContainerCreated(): Promise<void> {
    for (const bindings of Object.values(this.hostConfig.PortBindings ?? {})) {
      for (const binding of bindings as Array<{ HostIp?: string }>) binding.HostIp = LOOPBACK;
    }
  }
}

let isChosen: Promise<void> | undefined;

const chooseRyuk = () =>
  (isChosen ??= (async () => {
    // Under its usual name, localhost, a MinIO has buckets as hosts.
    process.env["TESTCONTAINERS_HOST_OVERRIDE"] = LOOPBACK;
    const { image } = await getContainerRuntimeClient();
    const ryuk = ImageName.fromString(RYUK);
    process.env["RYUK_CONTAINER_IMAGE"] = RYUK;
    const isHere = await image.exists(ryuk);
    const canBe =
      isHere ||
      (await image.pull(ryuk).then(
        () => true,
        () => false,
      ));
    if (!canBe) process.env["TESTCONTAINERS_RYUK_DISABLED"] = "true";
  })());
