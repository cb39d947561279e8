import { Body, Controller, Get, Headers, HttpCode, Module, Post, Res } from "@nestjs/common";
import { UnauthorizedException } from "@nestjs/common";
import type { OnApplicationShutdown, OnModuleInit } from "@nestjs/common";
import type { Response } from "express";
import { attachments, sessions, type User, userOf, users } from "./users.js";
import { valetkey } from "./valetkey.js";

@Controller()
class Attachments {
  // Stands for your own way to sign in.
  @Post("login")
  @HttpCode(204)
  login(@Body() body: { name: string }, @Res({ passthrough: true }) response: Response): void {
    const user = users.get(body.name);
    if (user === undefined)
      throw new UnauthorizedException("Nobody of that name, or no DEV_LOGIN=on in .env");
    const session = crypto.randomUUID();
    sessions.set(session, user);
    response.cookie("session", session, { httpOnly: true, sameSite: "lax" });
  }

  @Get("me")
  me(@Headers("cookie") cookies: string | undefined): User {
    const user = userOf(cookies);
    if (user === undefined) throw new UnauthorizedException("Sign in first");
    return user;
  }

  @Get("attachments")
  list(@Headers("cookie") cookies: string | undefined): unknown {
    const user = userOf(cookies);
    if (user === undefined) throw new UnauthorizedException("Sign in first");
    return [...attachments.values()].filter(({ subject }) => subject === user.id);
  }
}

@Module({ controllers: [Attachments] })
export class AppModule implements OnModuleInit, OnApplicationShutdown {
  onModuleInit = (): Promise<void> => valetkey.ready();
  onApplicationShutdown = (): Promise<void> => valetkey.close();
}
