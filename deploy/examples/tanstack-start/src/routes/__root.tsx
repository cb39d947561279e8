import { createRootRoute, HeadContent, Outlet, Scripts } from "@tanstack/react-router";
import page from "../components/page.css?url";

export const Route = createRootRoute({
  head: () => ({
    meta: [
      { charSet: "utf-8" },
      { name: "viewport", content: "width=device-width" },
      { title: "Your files" },
    ],
    links: [
      { rel: "icon", href: "data:," },
      { rel: "stylesheet", href: page },
    ],
  }),
  component: Root,
});

function Root() {
  return (
    <html lang="en">
      <head>
        <HeadContent />
      </head>
      <body>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
