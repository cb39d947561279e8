<?php

use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\Route;

// In routes/web.php, without the middleware "auth", which would redirect the page's request.
Route::get('/upload-token', function (Request $request) {
    $headers = ['Content-Type' => 'text/plain', 'Cache-Control' => 'no-store'];
    $user = $request->user();
    if ($user === null) {
        return new Response('', 401, $headers);
    }
    $base64url = fn (string $bytes) => rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    $claims = [
        'iss' => 'https://app.example.com',
        'aud' => 'https://uploads.example.com',
        'sub' => (string) $user->getAuthIdentifier(),
        'organizations' => $user->organizations,
        'scope' => 'write confirm',
        'exp' => time() + 300,
    ];
    $signed = $base64url(json_encode(['alg' => 'RS256'])) . '.' . $base64url(json_encode($claims));
    $key = file_get_contents(base_path('upload-key.pem'));
    openssl_sign($signed, $signature, $key, 'sha256') || throw new RuntimeException('cannot sign');
    return new Response($signed . '.' . $base64url($signature), 200, $headers);
});
