<?php
require __DIR__ . "/../yours.php";

header("Content-Type: text/plain");
header("Cache-Control: no-store");
$person = signed_in_person();
if ($person === null) {
    http_response_code(401);
    exit;
}
$base64url = fn (string $bytes) => rtrim(strtr(base64_encode($bytes), "+/", "-_"), "=");
$header = ["alg" => "RS256"];
$claims = [
    "iss" => "https://app.example.com",
    "aud" => "https://uploads.example.com",
    "sub" => $person["id"],
    "organizations" => $person["organizations"],
    "scope" => "write confirm",
    "exp" => time() + 300,
];
$signed = $base64url(json_encode($header)) . "." . $base64url(json_encode($claims));
$key = file_get_contents(__DIR__ . "/../upload-key.pem");
openssl_sign($signed, $signature, $key, "sha256") || throw new RuntimeException("cannot sign");
echo $signed . "." . $base64url($signature);
