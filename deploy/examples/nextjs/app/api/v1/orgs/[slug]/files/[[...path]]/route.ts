import { valetkey } from "../../../../../../../valetkey";

const answer = (request: Request): Promise<Response> => valetkey.fetch(request);

// HEAD is answered by GET.
export { answer as DELETE, answer as GET, answer as OPTIONS, answer as POST };
