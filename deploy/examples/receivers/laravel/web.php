<?php

use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Cache;
use Illuminate\Support\Facades\Log;
use Illuminate\Support\Facades\Route;

// In a file of routes without the group "web", whose check of CSRF would refuse the service.
Route::post('/hook', function (Request $request) {
    $header = fn (string $name) => (string) $request->headers->get("webhook-$name");
    [$id, $at, $body] = [$header('id'), $header('timestamp'), $request->getContent()];
    $secret = base64_decode(substr((string) env('WEBHOOK_SECRET'), strlen('whsec_')), true);
    if ($secret === false || strlen($secret) < 24) {
        throw new RuntimeException('WEBHOOK_SECRET is not a secret of the service');
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $secret, true));
    $signed = false;
    foreach (explode(' ', $header('signature')) as $given) {
        $signed = hash_equals($expected, $given) || $signed;
    }
    if (!$signed || abs(time() - (int) $at) >= 300) {
        return new Response('', 401);
    }
    $event = json_decode($body, true);
    $work = ['upload.confirmed' => 'use', 'upload.mismatched' => 'discard'][$event['type']] ?? null;
    // For ten days, in a store that all processes share.
    if (Cache::add("hook:$id", true, 864000) && $work !== null) {
        Log::info("$work {$event['data']['key']}");
    }
    return new Response('', 204);
});
