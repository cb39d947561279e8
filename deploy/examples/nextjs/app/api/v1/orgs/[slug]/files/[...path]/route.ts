export { answer as GET, answer as POST } from "../../../../../../../valetkey.ts";
