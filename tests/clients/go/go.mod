module example.com/client

go 1.23

require github.com/valetkey/valetkey/clients/go v0.0.0

replace github.com/valetkey/valetkey/clients/go => ../../../clients/go
