import { expect, it } from "vitest";
import { trendOf } from "../bench/trend.ts";
import { randomFrom } from "../fuzz/mutate.ts";

const noise = (seed: number) => {
  const random = randomFrom(seed);
  return Array.from({ length: 30 }, () => 200 + random(1000) / 100);
};

it("memory that only goes up and down has no trend", () => {
  const chances = Array.from({ length: 100 }, (_, seed) => trendOf(noise(seed)).chance);
  expect(chances.filter((chance) => chance < 0.01).length).toBeLessThan(5);
});

it("memory that grows by half of its noise in ten samples is seen to grow", () => {
  const { growth, chance } = trendOf(noise(1).map((value, i) => value + i / 2));
  expect(chance).toBeLessThan(0.001);
  expect(growth).toBeGreaterThan(10);
  expect(growth).toBeLessThan(20);
});

it("one high sample is no growth", () => {
  const flat = Array.from({ length: 30 }, (_, i) => (i === 29 ? 900 : 200));
  expect(trendOf(flat).growth).toBe(0);
});
