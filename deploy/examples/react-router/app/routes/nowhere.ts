const answer = () => new Response("Not here\n", { status: 404 });

export { answer as action, answer as loader };
