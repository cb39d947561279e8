import { testExample } from "./test-example.ts";

testExample("tanstack-start");
