import { Links, Meta, Outlet, Scripts } from "react-router";
import "./components/page.css";

export const meta = () => [{ title: "Your files" }];
export const links = () => [{ rel: "icon", href: "data:," }];

export default function Root() {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <Meta />
        <Links />
      </head>
      <body>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
