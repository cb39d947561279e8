import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "./make-folder.ts";
import { until } from "./until.ts";

/**
 * Starts nginx as a CDN with this cache: it serves public files to everybody, and others to whom
 * `verifier` lets in, which gets the address as `X-Url`, and the cookies. It reaches the bucket by a
 * secret that only it knows.
 */
export async function startCdn({
  path,
  port,
  bucket,
  secret,
  verifier,
}: Readonly<Record<"path" | "bucket" | "secret" | "verifier", string>> & {
  readonly port: number;
}) {
  const folder = makeFolder();
  for (const each of ["cache", "temporary"]) mkdirSync(join(folder, each));
  const address = `http://127.0.0.1:${port}`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, "temporary")};`)
    .join("\n");
  const { origin, pathname } = new URL(bucket);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${join(folder, "pid")}; error_log stderr;
events {}
http {
  access_log off;
  ${temporary}
  proxy_cache_path ${join(folder, "cache")} keys_zone=cdn:1m;
  proxy_cache cdn;
  proxy_cache_key $uri;
  proxy_cache_valid 200 1h;
  proxy_ignore_headers Cache-Control Expires;
  proxy_set_header Referer ${secret};
  proxy_set_header Cookie "";
  add_header X-Cache $upstream_cache_status always;
  server {
    listen 127.0.0.1:${port};
    location / { return 403; }
    location ~ ^/orgs/[^/]+/public/ { proxy_pass ${origin}${pathname}$uri; }
    location ~ ^/orgs/ {
      auth_request /verify;
      proxy_pass ${origin}${pathname}$uri;
    }
    location = /verify {
      internal;
      proxy_cache off;
      proxy_set_header X-Url ${address}$request_uri;
      proxy_set_header Cookie $http_cookie;
      proxy_pass ${verifier};
    }
  }
}
`,
  );
  const running = spawn(path, ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
  });
  const ended = once(running, "exit");
  await until("an answer of nginx", () =>
    fetch(address).then(
      ({ status }) => status === 403,
      () => false,
    ),
  );
  return {
    address,
    stop: async () => {
      running.kill();
      await ended;
    },
  };
}
