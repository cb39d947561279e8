package com.example.app;

import jakarta.servlet.http.HttpServletRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.RSAPublicKeySpec;
import java.time.Instant;
import java.util.List;
import org.springframework.http.CacheControl;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.converter.RsaKeyConverters;
import org.springframework.security.oauth2.jwt.JwtClaimsSet;
import org.springframework.security.oauth2.jwt.JwtEncoder;
import org.springframework.security.oauth2.jwt.JwtEncoderParameters;
import org.springframework.security.oauth2.jwt.NimbusJwtEncoder;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
class UploadTokenController {
  private final JwtEncoder encoder;
  private final Organizations organizations;

  UploadTokenController(Organizations organizations) throws Exception {
    this.organizations = organizations;
    try (var pem = Files.newInputStream(Path.of("upload-key.pem"))) {
      var key = (RSAPrivateCrtKey) RsaKeyConverters.pkcs8().convert(pem);
      var spec = new RSAPublicKeySpec(key.getModulus(), key.getPublicExponent());
      var publicKey = (RSAPublicKey) KeyFactory.getInstance("RSA").generatePublic(spec);
      encoder = NimbusJwtEncoder.withKeyPair(publicKey, key).build();
    }
  }

  // Permit this path in your SecurityFilterChain: a redirect to sign in tells the page nothing.
  @GetMapping("/upload-token")
  ResponseEntity<String> uploadToken(HttpServletRequest request) {
    var person = request.getUserPrincipal();
    if (person == null) return ResponseEntity.status(401).cacheControl(CacheControl.noStore()).build();
    var claims = JwtClaimsSet.builder()
        .issuer("https://app.example.com")
        .audience(List.of("https://uploads.example.com"))
        .subject(person.getName())
        .claim("organizations", organizations.of(person))
        .claim("scope", "write confirm")
        .expiresAt(Instant.now().plusSeconds(300))
        .build();
    var token = encoder.encode(JwtEncoderParameters.from(claims)).getTokenValue();
    return ResponseEntity.ok()
        .cacheControl(CacheControl.noStore())
        .contentType(MediaType.TEXT_PLAIN)
        .body(token);
  }
}
