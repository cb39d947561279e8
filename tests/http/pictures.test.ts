import * as Duration from "effect/Duration";
import * as Schema from "effect/Schema";
import ipaddr from "ipaddr.js";
import { expect, it, onTestFinished, vi } from "vitest";
import { LinkLifetime } from "../../domain/link.ts";
import { OrganizationSlug } from "../../domain/organization.ts";
import { KeyTemplate } from "../../domain/storage-key.ts";
import { as, embedded, FILE, PRESIGN, SERVICE_TOKEN, startService, TOKEN } from "./service.ts";

const UUID = "5007cd59-14b0-4a8f-9bfa-7debee4b183d";
const AT = `/api/v1/orgs/acme/files/2026/11/${UUID}`;
const IMAGES = {
  IMAGES: "imgproxy",
  IMAGES_URL: "https://images.example.com/small",
  IMAGES_KEY: "0b1d3f5a7c9e0b2d4f6a8c0e1b3d5f7a",
  IMAGES_SALT: "9f0e1d2c3b4a5968778695a4b3c2d1e0",
};
const keyOf = (folders: string) =>
  Schema.decodeSync(KeyTemplate)(`orgs/{organization}/${folders}/{id}{extension}`);

type Over = Parameters<typeof startService>[0];

const start = (over: Over = {}) =>
  startService({ policy: { images: [64, 320] }, images: IMAGES, ...over });

async function open(path: string, over?: Over, headers: Readonly<Record<string, string>> = {}) {
  const { request } = await start(over);
  const init = { headers: { Authorization: `Bearer ${TOKEN}`, ...headers } };
  const answer = await request(path, init);
  return { answer, ...readAddress(answer.headers.get("location")) };
}

/** Takes apart an address at imgproxy. */
function readAddress(address: string | null) {
  const location = new URL(address ?? "about:blank");
  const [, place, , end, width, encoded = ""] = location.pathname.split("/");
  const [, seconds = ""] = /^exp:(\d+)$/.exec(end ?? "") ?? [];
  const text = Buffer.from(encoded, "base64url").toString();
  const source = new URL(URL.canParse(text) ? text : "about:blank");
  return { location, place, endsAt: Number(seconds), width, source };
}

it("a picture in a width is at the image server, whose source is a signed GET of the internal endpoint", async () => {
  const { answer, location, place, width, source, endsAt } = await open(`${AT}.png?width=320`);
  expect(answer.status).toBe(302);
  expect([location.origin, place, width]).toEqual(["https://images.example.com", "small", "w:320"]);
  expect(source.host).toBe("127.0.0.1:2");
  expect(source.pathname).toBe(`/files/orgs/org_1/files/2026/11/${UUID}.png`);
  expect(source.searchParams.get("response-content-type")).toBe("image/png");
  expect(answer.headers.get("cache-control")).toMatch(/^private, max-age=\d+$/);
  const day = Number(source.searchParams.get("X-Amz-Expires"));
  expect(day).toBe(24 * 60 * 60);
  // It ends with its source, which is dated to the beginning of its window.
  expect(endsAt % (day / 8)).toBe(0);
  expect(endsAt).toBeGreaterThan(Date.now() / 1000);
});

it("a picture has the same address for everybody until its window ends, and then another", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2029, 0, 1, 0, 0, 1) });
  onTestFinished(() => void vi.useRealTimers());
  const { request } = await start();
  const at = async (token: string) =>
    (await request(`${AT}.png?width=64`, as(token))).headers.get("location");
  const first = await at(TOKEN);
  vi.setSystemTime(Date.UTC(2029, 0, 1, 2, 59, 59));
  expect(await at(TOKEN)).toBe(first);
  expect(await at(SERVICE_TOKEN)).toBe(first);
  vi.setSystemTime(Date.UTC(2029, 0, 1, 3));
  expect(await at(TOKEN)).not.toBe(first);
});

it.each([
  "321",
  "65",
  "0",
  "",
  "-320",
  "320px",
  " 320",
  "0320",
  "0x140",
  "3.2e2",
  "320.0",
  "320,64",
  "٣٢٠",
  "320/../64",
  "9".repeat(400),
])("a width that no policy of the file names is refused with those that do: %j", async (width) => {
  const { answer } = await open(`${AT}.png?width=${encodeURIComponent(width)}`);
  expect(answer.status).toBe(400);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toMatchObject({
    code: "INVALID_REQUEST",
    detail: "Its policies name 64, 320. Ask for one of these, or leave width out.",
    widths: [64, 320],
  });
});

it("without images in a policy no width is taken, whatever the file", async () => {
  for (const end of [".png", ".pdf"]) {
    const { answer } = await open(`${AT}${end}?width=320`, { policy: {} });
    expect([answer.status, (await answer.json()).widths]).toEqual([400, []]);
  }
});

it.each([
  [".svg", "image/svg+xml", "attachment"],
  [".avif", "image/avif", "inline"],
  [".pdf", "application/pdf", "attachment"],
  [".html", "text/html", "attachment"],
  [".nothing", "application/octet-stream", "inline"],
])("a file that is no picture for every image server, %s, is opened itself", async (end, ...as) => {
  const { location } = await open(`${AT}${end}?width=320`);
  expect(location.host).toBe("store.example.com");
  const [type, kind] = as;
  expect(location.searchParams.get("response-content-type")).toBe(type);
  expect(location.searchParams.get("response-content-disposition")).toMatch(`${kind};`);
});

it("a picture without a width, and every one without an image server, is the file itself", async () => {
  const { location: whole } = await open(`${AT}.png`);
  const { location } = await open(`${AT}.png?width=320`, { images: {} });
  expect([whole.host, location.host]).toEqual(["store.example.com", "store.example.com"]);
});

it("nothing of a request but the key, the version and the width is in the address", async () => {
  const { request } = await start();
  const plain = await request(`${AT}.png?width=64`, as(TOKEN));
  const query = "width=64&width=9999&url=https://evil.example&exp:1=w:9999&sig=x#width=320";
  const strange = await request(`${AT}.png?${query}`, {
    headers: { Authorization: `Bearer ${TOKEN}`, "X-Forwarded-Host": "evil.example" },
  });
  expect(strange.headers.get("location")).toBe(plain.headers.get("location"));
  const { source } = await open(`${AT}.png?width=64&version=v%2F1`);
  expect(source.searchParams.get("versionId")).toBe("v/1");
});

it("a picture of another organization is not found, whatever the width", async () => {
  const { request } = await start();
  for (const width of [320, 321]) {
    const path = `${AT}.png?width=${width}`.replace("/acme/", "/globex/");
    expect((await request(path, as(TOKEN))).status).toBe(404);
  }
});

it("the widths of a file are those of every policy that can have made its key", async () => {
  const policies = {
    posters: { images: [1280, 320] },
    avatars: { images: [48], key: keyOf("{subject}") },
    days: { images: [100], key: keyOf("photos/{year}/{day}") },
    theirs: { images: [200], organizations: [OrganizationSlug.make("globex")] },
    plain: {},
  };
  const widths = async (folders: string) => {
    const path = `/api/v1/orgs/acme/files/${folders}/${UUID}.png?width=99`;
    return (await (await open(path, { policies })).answer.json()).widths;
  };
  expect(await widths("2026/11")).toEqual([64, 320, 1280]);
  expect(await widths(`u-${"0f".repeat(16)}`)).toEqual([48]);
  expect(await widths("photos/2026/31")).toEqual([100]);
  expect(await widths("photos/2026/11/05")).toEqual([]);
  expect(await widths("avatars")).toEqual([]);
});

/** Whether a request leads to the file itself, to be saved. */
const isSaved = (answer: Response) => {
  const location = new URL(answer.headers.get("location") ?? "about:blank");
  const disposition = location.searchParams.get("response-content-disposition");
  return location.host === "store.example.com" && disposition?.startsWith("attachment;");
};

it("the file itself is saved, not a picture of it", async () => {
  for (const query of ["width=320&download", "download=&width=64", "download"]) {
    const { answer } = await open(`${AT}.png?${query}`);
    expect(isSaved(answer)).toBe(true);
  }
  const { answer } = await open(`${AT}.png?width=65&download`);
  expect(answer.status).toBe(400);
});

it("a link opens its picture in a width of its own policy, and ends with the link", async () => {
  const linked = { linkLifetime: LinkLifetime.make(Duration.days(1)) };
  const { send, request } = await start({
    policy: { images: [64], ...linked },
    policies: { posters: { images: [1280], ...linked } },
  });
  const { body } = await send(PRESIGN, {
    policy: "posters",
    filename: "a.png",
    content_type: "image/png",
    size: 5,
  });
  const made = await send("/api/v1/orgs/acme/files/links", {
    receipt: body.receipt,
    expires_in: 600,
  });
  const { pathname } = new URL(made.body.link_url);
  const answer = await request(`${pathname}?width=1280`);
  const { width, endsAt, source } = readAddress(answer.headers.get("location"));
  expect([answer.status, answer.headers.get("cache-control"), width]).toEqual([
    302,
    "no-store",
    "w:1280",
  ]);
  expect(source.host).toBe("127.0.0.1:2");
  expect(endsAt).toBeLessThanOrEqual(Date.parse(made.body.expires_at) / 1000);
  expect(isSaved(await request(`${pathname}?width=1280&download`))).toBe(true);
  const refused = await request(`${pathname}?width=64`);
  expect([refused.status, (await refused.json()).widths]).toEqual([400, [1280]]);
  expect((await request("/f/nothing?width=64")).status).toBe(404);
});

it.each([
  ["application/json", true],
  ["application/json, application/problem+json", true],
  ["application/json, text/plain, */*", false],
  ["image/avif,image/webp,image/*,*/*;q=0.8", false],
  ["*/*", false],
  ["", false],
])("a request that accepts %j is answered with JSON: %j", async (accept, isJson) => {
  const { answer, location } = await open(`${AT}.png?width=320`, {}, { Accept: accept });
  expect(answer.headers.get("vary")).toContain("Authorization, Cookie, Accept");
  expect(answer.headers.get("cache-control")).toMatch(/^private, max-age=\d+$/);
  if (!isJson) {
    expect([answer.status, location.host]).toEqual([302, "images.example.com"]);
    return;
  }
  expect([answer.status, answer.headers.get("location")]).toEqual([200, null]);
  const { url, expires_at, ...more } = await answer.json();
  const { width, endsAt } = readAddress(url);
  expect([width, Date.parse(expires_at) / 1000, more]).toEqual(["w:320", endsAt, {}]);
});

it("a public picture is shown to everybody in the widths of public policies", async () => {
  const policies = { avatars: { public: true, images: [48], key: keyOf("public/{year}") } };
  const { request } = await start({ policies });
  const at = `/p/org_1/2026/${UUID}.png`;
  const answer = await request(`${at}?width=48`);
  const { width, source } = readAddress(answer.headers.get("location"));
  expect([answer.status, width]).toEqual([302, "w:48"]);
  expect(source.pathname).toBe(`/files/orgs/org_1/public/2026/${UUID}.png`);
  expect(answer.headers.get("cache-control")).toMatch(/^public, max-age=\d+$/);
  expect(isSaved(await request(`${at}?width=48&download`))).toBe(true);
  const refused = await request(`${at}?width=64`);
  expect([refused.status, (await refused.json()).widths]).toEqual([400, [48]]);
});

it("a policy is listed with its widths", async () => {
  const { send } = await start({ policies: { documents: { images: undefined } } });
  const { body } = await send("/api/v1/orgs/acme/files/policies");
  expect(body.policies.map(({ images }: { readonly images: unknown }) => images)).toEqual([
    [64, 320],
    undefined,
  ]);
});

interface Listed {
  readonly key: string;
  readonly content_type: string;
  readonly image_url?: string;
}

/** People whom a proxy signs in, with their scopes. */
const FORWARD = {
  callers: {
    auth: "forward",
    trusted: [ipaddr.parseCIDR("127.0.0.1/32")],
    user: "x-user",
    organizations: "x-groups",
    scopes: "x-scopes",
  },
  organizations: {},
} as const;

async function startList(over: Over = {}) {
  const { layer, put } = embedded();
  const policies = { plain: { images: undefined, key: keyOf("plain") } };
  const { send } = await start({ storage: layer, identity: FORWARD, policies, ...over });
  const ask = (path: string, body?: object, scopes = "write,read,list") =>
    send(path, body, { headers: { "X-User": "mia", "X-Groups": "acme", "X-Scopes": scopes } });
  const upload = async (over: object) => {
    const { body } = await ask("/api/v1/orgs/acme/files/presign", { ...FILE, ...over });
    await put(body.put_url, body.put_headers);
    return body.key as string;
  };
  const list = (query: string, scopes?: string) =>
    ask(`/api/v1/orgs/acme/files?${query}`, undefined, scopes);
  return { upload, list };
}

it("a list has the addresses of those files that are shown in a width", async () => {
  const { upload, list } = await startList();
  const picture = await upload({});
  await upload({ filename: "a.txt", content_type: "text/plain" });
  await upload({ policy: "plain" });
  const { status, body } = await list("width=64");
  const shown = body.files.filter(({ image_url }: Listed) => image_url !== undefined);
  expect([status, body.files.length]).toEqual([200, 3]);
  expect(shown.map(({ key }: Listed) => key)).toEqual([picture]);
  const { width, source } = readAddress(shown[0].image_url);
  expect([width, source.pathname]).toEqual(["w:64", `/store/files/${picture}`]);
  const { body: without } = await list("width=65");
  expect(without.files.map(({ image_url }: Listed) => image_url)).toEqual(Array(3).fill(undefined));
});

it("a list has the addresses of the pictures themselves without an image server", async () => {
  const { upload, list } = await startList({ images: {} });
  const key = await upload({});
  const [{ image_url }] = (await list("width=320")).body.files;
  expect(new URL(image_url).pathname).toBe(`/store/files/${key}`);
});

it.each(["", "0", "15", "4097", "64.5", "6e1", "64px"])(
  "a list refuses what is no width: %j",
  async (width) => {
    const { list } = await startList();
    const { status, body } = await list(`width=${width}`);
    expect([status, body.errors]).toEqual([
      400,
      [{ pointer: "/width", reason: "it is not a whole number of pixels from 16 to 4096" }],
    ]);
  },
);

it("who may list but not read gets no addresses of pictures, but of those in the own folder", async () => {
  const own = { images: [64], key: keyOf("{subject}") };
  const { upload, list } = await startList({ policies: { own } });
  const picture = await upload({ policy: "own" });
  for (const [query, scopes] of [
    ["width=64", "list"],
    ["width=64", "list,mine"],
    ["mine=false&width=64", "list,mine"],
    ["mine=true&width=64", "list"],
  ] as const) {
    const { status, body } = await list(query, scopes);
    expect([status, body.scope, body.own]).toEqual([403, "read", "mine"]);
  }
  expect((await list("", "list")).status).toBe(200);
  const { body } = await list("mine=true&width=64", "mine");
  expect(body.files.map(({ key }: Listed) => key)).toEqual([picture]);
  const { width, source } = readAddress(body.files[0].image_url);
  expect([width, source.pathname]).toEqual(["w:64", `/store/files/${picture}`]);
});
