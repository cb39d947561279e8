require "openssl"

# In routes.rb: post "/hook", to: "hooks#create"
class HooksController < ApplicationController
  skip_forgery_protection

  SECRET = ENV.fetch("WEBHOOK_SECRET").delete_prefix("whsec_").unpack1("m0")
  raise "WEBHOOK_SECRET is not a secret of the service" if SECRET.bytesize < 24

  WORK = { "upload.confirmed" => "use", "upload.mismatched" => "discard" }.freeze

  def create
    return head :unauthorized unless genuine?

    event = JSON.parse(request.raw_post)
    work = WORK[event["type"]]
    # In a store that all processes share.
    is_new = Rails.cache.write(header("id"), true, unless_exist: true, expires_in: 10.days)
    puts "#{work} #{event.dig("data", "key")}" if is_new && work
    head :no_content
  end

  private

  def header(name) = request.headers["webhook-#{name}"].to_s

  def genuine?
    signed = "#{header("id")}.#{header("timestamp")}.".b + request.raw_post.b
    expected = "v1,#{[OpenSSL::HMAC.digest("SHA256", SECRET, signed)].pack("m0")}"
    given = header("signature").split
    given.any? { |each| ActiveSupport::SecurityUtils.secure_compare(expected, each) } &&
      (Time.now.to_i - header("timestamp").to_i).abs < 300
  end
end
