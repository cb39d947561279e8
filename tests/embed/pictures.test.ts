import { expect, it } from "vitest";
import { isValetkeyError } from "../../adapters/embed/index.ts";
import { FILE, MIA, put, startHost } from "./host.ts";

const IMAGES = {
  images: "thumbor",
  imagesUrl: "https://images.example.com",
  imagesKey: "0b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a",
} as const;
const ASKED = {
  caller: { ...MIA, scopes: ["read", "list", "write"] },
  organization: "acme",
} as const;

it("calls give the addresses of pictures in a width of their policy", async () => {
  const { valetkey } = await startHost({ ...IMAGES, policy: { images: [64, 320] } });
  const upload = await valetkey.requestUpload(FILE);
  await put(upload);
  const { url, expiresAt } = await valetkey.openFile({ ...ASKED, key: upload.key, width: 320 });
  expect(url).toMatch(/^https:\/\/images\.example\.com\/[\w-]{27}=\/320x0\//);
  expect(expiresAt).toBeInstanceOf(Date);
  const [listed] = (await valetkey.listFiles({ ...ASKED, width: 64 })).files;
  expect(listed?.imageUrl).toContain("/64x0/");
  const [policy] = await valetkey.policies(ASKED);
  expect(policy?.images).toEqual([64, 320]);
});

it("a call for another width is refused with those that there are", async () => {
  const { valetkey } = await startHost({ ...IMAGES, policy: { images: [64, 320] } });
  const { key } = await valetkey.requestUpload(FILE);
  const refused = await valetkey.openFile({ ...ASKED, key, width: 321 }).catch((error) => error);
  if (!isValetkeyError(refused)) expect.fail(String(refused));
  expect(refused).toMatchObject({ code: "INVALID_REQUEST", status: 400, widths: [64, 320] });
});

it.each([
  [{ images: "imgproxy" }, ["imagesUrl must be set where images is", "imagesSalt must be set"]],
  [{ ...IMAGES, imagesKey: "short" }, ["imagesKey must be a secret of 32 to 256"]],
  [{ ...IMAGES, imagesUrl: "ftp://a.example" }, ["imagesUrl must be an http or https URL"]],
  [{ ...IMAGES, policy: { images: [] } }, ["policy.images is not a list of 1 to 16"]],
  [{ ...IMAGES, policy: { images: [64, 64] } }, ["policy.images is not a list of 1 to 16"]],
  [{ ...IMAGES, policy: { images: [15] } }, ["policy.images is not a list of 1 to 16"]],
])("options that fit no image server are refused: %j", async (options, messages) => {
  const refused = await startHost(options as never).catch(({ message }: Error) => message);
  for (const message of messages) expect(refused).toContain(message);
  expect(refused).not.toContain(IMAGES.imagesKey);
});
