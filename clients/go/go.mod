module github.com/valetkey/valetkey/clients/go

go 1.23
