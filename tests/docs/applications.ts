import type { ExecFileOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { cached } from "../support/cached.ts";
import { installing } from "../support/installing.ts";
import { runCommand } from "../support/run-command.ts";

// What an application of each framework has anyway, around the files of deploy/examples/tokens and
// deploy/examples/receivers that are copied into it. In all, Mia has signed in with the same cookie.

export interface Application {
  /** What a test needs for it. */
  readonly needs: "go" | "java" | "laravel" | "php" | "python" | "rails";
  readonly files: Readonly<Record<string, string>>;
  /** Run once, in a folder of its own that the application is linked to. */
  readonly install?: string;
  /** Run before each start. */
  readonly build?: string;
  readonly start: (port: number) => string;
}

const YOURS_IN_PYTHON = `
def organizations_of(user):
    return ["acme"]


def person_of(request):
    if request.cookies.get("session") == "5e0c":
        return {"id": "mia", "organizations": ["acme"]}
`;

const IN_PYTHON =
  "python3 -m venv . && bin/pip install --quiet flask==3.1.3 fastapi==0.165.0 django==5.2.19 uvicorn==0.54.0 'pyjwt[crypto]==2.15.1'";

/** For a program that runs for seconds. */
const QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
const SPRING = `
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>4.0.7</version>
  </parent>
  <groupId>com.example</groupId><artifactId>app</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-webmvc</artifactId>
    </dependency>
    <dependency>
      <groupId>org.springframework.security</groupId>
      <artifactId>spring-security-oauth2-jose</artifactId>
    </dependency>
  </dependencies>
</project>`;

export const APPLICATIONS = {
  go: {
    needs: "go",
    files: {
      "yours.go": `package main
        import "net/http"
        type person struct { ID string; Organizations []string }
        func personOf(r *http.Request) (person, bool) {
          cookie, err := r.Cookie("session")
          return person{"mia", []string{"acme"}}, err == nil && cookie.Value == "5e0c"
        }`,
    },
    install: "go mod init yours && go get github.com/golang-jwt/jwt/v5@v5.3.1",
    build: "go build -o backend",
    start: () => "exec ./backend",
  },
  flask: {
    needs: "python",
    files: { "yours.py": YOURS_IN_PYTHON },
    install: IN_PYTHON,
    start: (port) => `exec bin/python -m flask run --port ${port}`,
  },
  fastapi: {
    needs: "python",
    files: { "yours.py": YOURS_IN_PYTHON },
    install: IN_PYTHON,
    start: (port) => `exec bin/python -m uvicorn app:app --port ${port}`,
  },
  django: {
    needs: "python",
    files: {
      "yours.py": YOURS_IN_PYTHON,
      "host.py": `
from types import SimpleNamespace
from django.conf import settings

settings.configure(
    ROOT_URLCONF="host",
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="a-secret-of-this-test",
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware", "host.sign_in"],
)


def sign_in(get_response):
    def middleware(request):
        signed_in = request.COOKIES.get("session") == "5e0c"
        request.user = SimpleNamespace(is_authenticated=signed_in, pk="mia")
        return get_response(request)
    return middleware


from django.core.asgi import get_asgi_application
from django.urls import path

app = get_asgi_application()
import views

ROUTES = {"upload-token": "upload_token", "hook": "hook"}
urlpatterns = [path(at, getattr(views, name)) for at, name in ROUTES.items() if hasattr(views, name)]
`,
    },
    install: IN_PYTHON,
    start: (port) => `exec bin/python -m uvicorn host:app --port ${port}`,
  },
  php: {
    needs: "php",
    files: {
      "yours.php": `<?php function signed_in_person() {
        return ($_COOKIE["session"] ?? "") === "5e0c" ? ["id" => "mia", "organizations" => ["acme"]] : null;
      }`,
    },
    start: (port) => `exec php -S 127.0.0.1:${port} public/upload-token.php`,
  },
  laravel: {
    needs: "laravel",
    files: {
      "index.php": `<?php
        // Debian's Laravel is older than its PHP.
        error_reporting(E_ALL & ~E_DEPRECATED);
        require "/usr/share/php/Illuminate/autoload.php";
        $app = new Illuminate\\Foundation\\Application(__DIR__);
        Illuminate\\Support\\Facades\\Facade::setFacadeApplication($app);
        $store = new Illuminate\\Cache\\FileStore(new Illuminate\\Filesystem\\Filesystem, __DIR__ . "/cache");
        $app->instance("cache", new Illuminate\\Cache\\Repository($store));
        $app->instance("log", new class {
          function info($line) { file_put_contents("php://stdout", "$line\\n"); }
        });
        $request = Illuminate\\Http\\Request::capture();
        $mia = new Illuminate\\Auth\\GenericUser(["id" => "mia", "organizations" => ["acme"]]);
        $request->setUserResolver(fn () => $request->cookies->get("session") === "5e0c" ? $mia : null);
        $app->instance("request", $request);
        require __DIR__ . "/web.php";
        $app["router"]->dispatch($request)->send();`,
    },
    start: (port) => `exec php -S 127.0.0.1:${port} index.php`,
  },
  rails: {
    needs: "rails",
    files: {
      "host.rb": `
require "action_controller"
require "rack/handler/puma"
require "ostruct"

$stdout.sync = true
module Rails
  def self.cache = @cache ||= ActiveSupport::Cache::MemoryStore.new
end

class ApplicationController < ActionController::Base
  protect_from_forgery with: :exception
  def current_user
    OpenStruct.new(id: "mia", organizations: ["acme"]) if cookies[:session] == "5e0c"
  end
end

Dir["*_controller.rb"].each { |file| require_relative file }
routes = ActionDispatch::Routing::RouteSet.new
routes.draw do
  get "/upload-token", to: "upload_tokens#show"
  post "/hook", to: "hooks#create"
end
Rack::Handler::Puma.run(routes, Host: "127.0.0.1", Port: ARGV.first, Silent: true)
`,
    },
    start: (port) => `exec ruby host.rb ${port}`,
  },
  spring: {
    needs: "java",
    files: {
      "App.java": `package com.example.app;
        import jakarta.servlet.Filter;
        import jakarta.servlet.http.*;
        import java.security.Principal;
        import java.util.*;
        import org.springframework.boot.SpringApplication;
        import org.springframework.boot.autoconfigure.SpringBootApplication;
        import org.springframework.context.annotation.Bean;

        @SpringBootApplication
        public class App {
          public static void main(String[] args) { SpringApplication.run(App.class, args); }
          @Bean Organizations organizations() { return person -> List.of("acme"); }
          @Bean Filter signIn() {
            return (request, response, chain) -> {
              var cookies = ((HttpServletRequest) request).getCookies();
              var isMia = cookies != null && Arrays.stream(cookies)
                .anyMatch(one -> one.getName().equals("session") && one.getValue().equals("5e0c"));
              chain.doFilter(new HttpServletRequestWrapper((HttpServletRequest) request) {
                @Override public Principal getUserPrincipal() { return isMia ? () -> "mia" : null; }
              }, response);
            };
          }
        }
        interface Organizations { List<String> of(Principal person); }`,
    },
    install: `cat >pom.xml <<'END'${SPRING}\nEND\nmvn -q -B dependency:copy-dependencies -DoutputDirectory=lib`,
    build: `javac ${QUICK.replaceAll("-XX", "-J-XX")} -cp 'lib/*' -d classes *.java`,
    start: (port) =>
      `exec java ${QUICK} -cp 'classes:lib/*' com.example.app.App --server.address=127.0.0.1 --server.port=${port}`,
  },
} as const satisfies Readonly<Record<string, Application>>;

/** Runs a command in the folder of an application. */
export const run = (command: string, place: ExecFileOptions) =>
  runCommand(["sh", "-ec", command], place);

interface Place {
  readonly into: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Installs in a folder of the user's cache, once, and links what is there into another. */
export async function install(command: string, { into, env }: Place): Promise<void> {
  const hash = createHash("sha256").update(command).digest("hex").slice(0, 12);
  const folder = await installing((limits) =>
    cached(`backend-${hash}`, (cwd) => run(command, { ...limits, cwd, env })),
  );
  for (const name of readdirSync(folder)) symlinkSync(join(folder, name), join(into, name));
}
