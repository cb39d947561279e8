package com.example.app;

import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;
import tools.jackson.databind.json.JsonMapper;

@RestController
class HookController {
  private static final Map<String, String> WORK =
      Map.of("upload.confirmed", "use", "upload.mismatched", "discard");
  private final Set<String> handled = ConcurrentHashMap.newKeySet();
  private final JsonMapper json = new JsonMapper();
  private final SecretKeySpec secret;

  HookController() {
    var bytes = Base64.getDecoder().decode(System.getenv("WEBHOOK_SECRET").replace("whsec_", ""));
    if (bytes.length < 24) throw new IllegalStateException("WEBHOOK_SECRET is not of the service");
    secret = new SecretKeySpec(bytes, "HmacSHA256");
  }

  // Permit this path in your SecurityFilterChain, and leave it out of the check of CSRF.
  @PostMapping("/hook")
  ResponseEntity<Void> hook(
      @RequestHeader(name = "webhook-id", defaultValue = "") String id,
      @RequestHeader(name = "webhook-timestamp", defaultValue = "0") long at,
      @RequestHeader(name = "webhook-signature", defaultValue = "") String signatures,
      @RequestBody byte[] body)
      throws Exception {
    var signed = new ByteArrayOutputStream();
    signed.writeBytes((id + "." + at + ".").getBytes());
    signed.writeBytes(body);
    var mac = Mac.getInstance("HmacSHA256");
    mac.init(secret);
    var expected = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(signed.toByteArray()));
    var isGenuine = false;
    for (var given : signatures.split(" ")) {
      isGenuine |= MessageDigest.isEqual(expected.getBytes(), given.getBytes());
    }
    if (!isGenuine || Math.abs(Instant.now().getEpochSecond() - at) >= 300) {
      return ResponseEntity.status(401).build();
    }
    var event = json.readTree(body);
    var work = WORK.get(event.path("type").asString());
    if (handled.add(id) && work != null) {
      System.out.println(work + " " + event.path("data").path("key").asString());
    }
    return ResponseEntity.noContent().build();
  }
}
