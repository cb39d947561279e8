// Puts the double of Entra where Microsoft's client asks for it: at login.microsoftonline.com, by a
// proxy that leads every connection to it, with a certificate that the tests make.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { makeFolder } from "../support/make-folder.ts";

const HOST = "login.microsoftonline.com";

/** Starts it before the double at `endpoint`. `env` is for the process whose client it is. */
export async function startEntraHttps(endpoint: string, tenant: string) {
  const folder = makeFolder();
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const names = ["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST}`];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...names],
    { stdio: "ignore" },
  );
  const tls = { key: readFileSync(key), cert: readFileSync(cert) };
  const secure = createSecureServer(tls, (incoming, response) => {
    const { method, url = "", headers } = incoming;
    if (url.includes("/.well-known/openid-configuration")) {
      response.setHeader("Content-Type", "application/json");
      return void response.end(JSON.stringify(configuration(tenant)));
    }
    const onward = httpRequest(`${endpoint}${url}`, { method, headers }, (found) => {
      response.writeHead(found.statusCode ?? 500, found.rawHeaders);
      found.pipe(response);
    });
    return void incoming.pipe(onward);
  });
  const tunnels = new Set<Socket>();
  const proxy = createServer();
  proxy.on("connect", (_, client: Socket) => {
    const upstream = connect((secure.address() as AddressInfo).port, "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      tunnels.add(one);
      one.on("error", () => other.destroy()).pipe(other);
    }
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
  });
  for (const server of [secure, proxy]) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  return {
    env: {
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      NO_PROXY: "127.0.0.1,localhost",
      NODE_EXTRA_CA_CERTS: cert,
      AZURE_TENANT_ID: tenant,
    },
    close: () => {
      for (const tunnel of tunnels) tunnel.destroy();
      secure.close();
      proxy.close();
    },
  };
}

/** "OpenID Connect metadata document", Microsoft identity platform. */
const configuration = (tenant: string) => ({
  issuer: `https://${HOST}/${tenant}/v2.0`,
  authorization_endpoint: `https://${HOST}/${tenant}/oauth2/v2.0/authorize`,
  token_endpoint: `https://${HOST}/${tenant}/oauth2/v2.0/token`,
  jwks_uri: `https://${HOST}/${tenant}/discovery/v2.0/keys`,
});
