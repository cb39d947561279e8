require "jwt"

# In routes.rb: get "/upload-token", to: "upload_tokens#show"
class UploadTokensController < ApplicationController
  KEY = OpenSSL::PKey::RSA.new(File.read("upload-key.pem"))

  def show
    response.headers["Cache-Control"] = "no-store"
    # authenticate_user! would redirect the page's request.
    return head :unauthorized if current_user.nil?

    claims = {
      iss: "https://app.example.com",
      aud: "https://uploads.example.com",
      sub: current_user.id.to_s,
      organizations: current_user.organizations,
      scope: "write confirm",
      exp: Time.now.to_i + 300
    }
    render plain: JWT.encode(claims, KEY, "RS256")
  end
end
