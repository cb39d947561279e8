import node from "@astrojs/node";
import { defineConfig } from "astro/config";

export default defineConfig({
  output: "server",
  adapter: node({ mode: "standalone" }),
  // Behind a proxy that ends TLS: otherwise Astro takes pages there for those of another origin, and
  // refuses their parts, texts and removals.
  // security: { allowedDomains: [{ protocol: "https", hostname: "app.example.com" }] },
  // It loads the client of the store that is chosen.
  vite: { ssr: { external: ["valetkey"] } },
});
