export default defineNuxtConfig({
  compatibilityDate: "2026-12-01",
  // Nuxt would ask about it.
  telemetry: false,
  // The server waits for the store at its start.
  nitro: { esbuild: { options: { target: "es2022" } } },
  css: ["~/components/page.css"],
  app: {
    head: {
      htmlAttrs: { lang: "en" },
      title: "Your files",
      link: [{ rel: "icon", href: "data:," }],
    },
  },
});
