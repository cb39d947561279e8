import { expect, it } from "vitest";
import { RUNTIMES, startProcess } from "../support/service-process.ts";

it.each(Object.keys(RUNTIMES) as ReadonlyArray<keyof typeof RUNTIMES>)(
  "%s serves a presign, the PUT and the GET, logs no secret, and stops when told to",
  async (runtime) => {
    const service = await startProcess({}, runtime);
    const file = new File(["the bytes of a picture"], "photo.png", { type: "image/png" });

    const answer = await fetch(`${service.address}/api/v1/orgs/acme/files/presign`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${service.token}` },
      body: JSON.stringify({ filename: file.name, content_type: file.type, size: file.size }),
    });
    expect(answer.status).toBe(200);
    const { put_url, get_url } = await answer.json();
    const put = await fetch(put_url, {
      method: "PUT",
      headers: { "Content-Type": file.type },
      body: file,
    });
    expect(put.status).toBe(200);
    const get = await fetch(get_url);
    expect(get.headers.get("content-type")).toBe("image/png");
    expect(await get.text()).toBe("the bytes of a picture");

    const longer = await fetch(put_url, {
      method: "PUT",
      headers: { "Content-Type": file.type },
      body: new Blob([file, "!"]),
    });
    expect(longer.status).toBe(403);

    expect(await service.stop()).toBe(0);
    const [, log = ""] = service.output().split("Ctrl+C");
    expect(log).toContain("/api/v1/orgs/acme/files/presign");
    expect(log).not.toContain(service.token);
    expect(log).not.toMatch(/X-Amz-|the bytes of a picture/);
  },
);
