export { answer as GET } from "../../../valetkey.ts";
